// Package dataset reads survival tables (CSV, CSV.gz, Parquet) into typed columns.
//
// A table is n rows of an outcome (time T > 0, event δ ∈ {0,1}, optional entry L < T and
// weight w > 0), covariates that are numbers or levels, and optional ids and groups.
// Read streams the file once, converts each cell as it passes and keeps no text but ids
// and distinct levels, so memory is about 8 bytes a number and 4 a level.
//
// Cells. A cell that is empty, blank, or one of NA, NaN, nan, null, NULL is missing,
// quoted or not. Numbers are decimal (12, -0.5, 1e-3), blanks around them are ignored.
// Levels and ids are kept exactly, byte for byte.
//
// Kinds. Where Schema.Numeric is nil every other column of numbers is numeric, where
// Schema.Categorical is nil every other column of text is categorical; a list names
// exactly the columns of that kind, and columns that fall under neither are not used
// (Profile says so). A column that is neither listed nor purely numbers or text, a text
// column of dates, of more than 100 levels, or of more than 20 levels that are over 5 %
// of its cells, is refused: it has to be named.
//
// CSV is RFC 4180 in UTF-8: comma, optional double quotes, quoted line ends, LF or CRLF,
// one header line, an optional byte-order mark; blank lines are skipped. Rows are counted
// from 0 at the first line after the header.
//
// Every refusal that the data decide is an *InvalidError, which names file, line or row,
// column and what is allowed, and never the content of a cell; the one exception is the
// codes of an event column, of which it names up to five.
//
// Non-goals: joins, filters, derived columns, time-varying covariates, dates.
package dataset
