#!/bin/sh
# Creates the databases of the Temporal server, and brings them to the schema of the version of
# temporal-sql-tool. Typed again it changes nothing. Where PostgreSQL is and by whom it is
# reached: SQL_PLUGIN, SQL_HOST, SQL_PORT, SQL_USER, SQL_PASSWORD.
set -eu

schema() {
	temporal-sql-tool --database "$1" create-database
	temporal-sql-tool --database "$1" setup-schema --version 0.0
	temporal-sql-tool --database "$1" update-schema --schema-name "postgresql/v12/$2"
}

schema temporal temporal
schema temporal_visibility visibility
