package artifact

import "strconv"

// dcalColumns is the number of buckets of D-calibration.
const dcalColumns = 10

var (
	detailsHeader = append([]string{"model", "fold", "cindex_harrell_se", "cindex_ipcw_se", "antolini", "log_loss",
		"dcal_chisq", "dcal_p"}, append(dcalNames(), "reason")...)
	calibrationHeader = []string{"model", "fold", "horizon", "brier", "auc", "ici", "e50", "e90", "emax", "reason"}
	curvesHeader      = []string{"model", "fold", "horizon", "predicted", "observed"}
)

// dcalNames are dcal_1 to dcal_10: rows by bucket, the lowest S(T|x) first.
func dcalNames() []string {
	names := make([]string, dcalColumns)
	for k := range names {
		names[k] = "dcal_" + strconv.Itoa(k+1)
	}
	return names
}

func detailRows(m *Manifest) [][]string {
	d := m.Details
	if d == nil {
		return nil
	}
	row := m.cells(optional(d.HarrellSE), optional(d.IPCWSE), optional(d.Antolini), optional(d.LogLoss))
	tail := make([]string, 2+dcalColumns)
	if d.DCal != nil {
		tail[0], tail[1] = number(d.DCal.Chisq), number(d.DCal.P)
		for k, n := range d.DCal.Counts[:min(dcalColumns, len(d.DCal.Counts))] {
			tail[2+k] = number(n)
		}
	}
	return [][]string{append(append(row, tail...), reasonText(detailsHeader, d.Reasons))}
}

func calibrationRows(m *Manifest) [][]string {
	var rows [][]string
	for _, h := range m.horizons() {
		rows = append(rows, m.cells(number(h.Horizon), optional(h.Brier), optional(h.AUC), optional(h.ICI),
			optional(h.E50), optional(h.E90), optional(h.EMax), reasonText(calibrationHeader, h.Reasons)))
	}
	return rows
}

func curveRows(m *Manifest) [][]string {
	var rows [][]string
	for _, h := range m.horizons() {
		for _, p := range h.Curve {
			rows = append(rows, m.cells(number(h.Horizon), number(p.Predicted), number(p.Observed)))
		}
	}
	return rows
}

func (m *Manifest) horizons() []AtHorizon {
	if m.Details == nil {
		return nil
	}
	return m.Details.Horizons
}
