# One image with both programs, static, for a user without privileges.
#   docker build -t everfold .

FROM golang:1.26.8 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
# With .git, from which Go stamps version and revision into the programs.
COPY . .
RUN git config --system --add safe.directory /src && make programs
# A new volume takes the owner of the folder that it is mounted on.
RUN mkdir /empty

FROM gcr.io/distroless/static-debian12:nonroot
ARG VERSION
LABEL org.opencontainers.image.title="everfold" \
      org.opencontainers.image.description="Durable training of survival models on Temporal" \
      org.opencontainers.image.version="${VERSION}"
COPY --from=build /src/bin/starter /src/bin/worker /usr/local/bin/
COPY --from=build --chown=nonroot:nonroot /empty /cache
COPY --from=build --chown=nonroot:nonroot /empty /outputs
COPY examples /examples
USER nonroot
WORKDIR /
CMD ["worker"]
