package promote

import (
	"fmt"
	"strconv"
	"strings"
)

// Threshold is how many failed calls end a promotion while it bakes.
type Threshold struct {
	Metric  string  `json:"metric"` // "5xx" of the stage, or "errors" of the aliases' functions
	Most    float64 `json:"most"`   // more than this aborts
	Percent bool    `json:"percent"`
}

func (t Threshold) String() string {
	unit := ""
	if t.Percent {
		unit = "%"
	}
	return t.Metric + ">" + strconv.FormatFloat(t.Most, 'f', -1, 64) + unit
}

// ParseThreshold reads 5xx>1%, 5xx>10 or errors>1%.
func ParseThreshold(text string) (Threshold, error) {
	metric, most, found := strings.Cut(strings.ReplaceAll(text, " ", ""), ">")
	number, percent := strings.CutSuffix(most, "%")
	value, err := strconv.ParseFloat(number, 64)
	if !found || err != nil || !(value >= 0) || percent && value > 100 || metric != "5xx" && metric != "errors" {
		return Threshold{}, fmt.Errorf("--abort-on %q is not of the form 5xx>1%% (of the stage's calls), 5xx>10 (calls) or errors>1%% (of the functions' calls)", text)
	}
	return Threshold{Metric: metric, Most: value, Percent: percent}, nil
}

// Measured is what was counted while a promotion baked.
type Measured struct {
	Calls   float64 `json:"calls"`
	Failed  float64 `json:"failed"` // answered 5xx
	Canary  bool    `json:"canary"` // of the canary's calls alone
	Invoked float64 `json:"invoked,omitempty"`
	Errors  float64 `json:"errors,omitempty"` // of the functions behind moved aliases
}
