# One image with both programs, static, for a user without privileges.
#   docker build -t everfold .

FROM golang:1.26.8 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -o /out/ ./starter ./worker
# A new volume takes the owner of the folder that it is mounted on.
RUN mkdir /empty

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/ /usr/local/bin/
COPY --from=build --chown=nonroot:nonroot /empty /outputs
COPY examples /examples
USER nonroot
WORKDIR /
CMD ["worker"]
