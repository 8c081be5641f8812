package cloudwatch

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/stagedoor/stagedoor/internal/metrics"
)

// query is one MetricDataQuery.
type query struct {
	id     string
	label  string // as given
	wanted bool   // ReturnData

	// Of a metric.
	metric metrics.Series
	name   string // of the statistic
	stat   statistic
	unit   types.StandardUnit
	period int64
	data   *series

	// Of an expression.
	expression *node
	value      *operand
	busy       bool
}

// parseQueries checks a call and reads its queries.
func parseQueries(in *cloudwatch.GetMetricDataInput, account string) ([]*query, error) {
	var f faults
	switch {
	case in.EndTime.Unix() < in.StartTime.Unix(): // getmoto/moto#6380
		f.add("The parameter EndTime must be greater than StartTime.")
	case in.EndTime.Unix() == in.StartTime.Unix(): // elastic/beats#32687
		f.add("The parameter StartTime must not equal parameter EndTime.")
	}
	switch n := len(in.MetricDataQueries); {
	case n == 0: // unverified: the text
		f.add("The parameter MetricDataQueries is required.")
	case n > maxQueries: // as for the collections of PutMetricData. // unverified: the text
		f.add("The collection MetricDataQueries must not have a size greater than %d.", maxQueries)
		return nil, f.err()
	}
	queries := make([]*query, len(in.MetricDataQueries))
	ids := map[string]bool{}
	for i := range in.MetricDataQueries {
		q := parseQuery(&f, fmt.Sprintf("MetricDataQueries.member.%d", i+1), &in.MetricDataQueries[i], account)
		queries[i] = q
		if ids[q.id] { // public transcripts of the AWS CLI
			f.add("The values for parameter id in MetricDataQueries are not unique.")
		}
		ids[q.id] = true
	}
	for _, q := range queries {
		q.checkNames(&f, ids)
	}
	return queries, f.err()
}

func parseQuery(f *faults, path string, in *types.MetricDataQuery, account string) *query {
	q := &query{id: value(in.Id), label: value(in.Label), wanted: in.ReturnData == nil || *in.ReturnData}
	if !validID(q.id) { // influxdata/telegraf#5420
		f.add("The value %s for parameter %s.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.", q.id, path)
	}
	if in.AccountId != nil && *in.AccountId != account {
		f.add("The value %s for parameter %s.AccountId is not this account: metrics of other accounts are not supported by stagedoor.", *in.AccountId, path)
	}
	switch {
	case in.MetricStat != nil && in.Expression != nil: // unverified: the text
		f.add("The parameters %s.Expression and %s.MetricStat are mutually exclusive and you have specified both.", path, path)
	case in.MetricStat != nil:
		q.parseMetric(f, path+".MetricStat", in.MetricStat)
	case in.Expression != nil:
		q.parseMath(f, in)
	default: // getmoto/moto#6570
		f.add("The parameter %s.MetricStat is required.", path)
	}
	return q
}

// validID: "The valid characters are letters, numbers, and underscore. The first
// character must be a lowercase letter" (API reference).
func validID(id string) bool {
	for i := range len(id) {
		if c := id[i]; !isLetter(c) && !isDigit(c) {
			return false
		}
	}
	return id != "" && id[0] >= 'a' && id[0] <= 'z'
}

func (q *query) parseMetric(f *faults, path string, in *types.MetricStat) {
	q.name, q.unit, q.period = *in.Stat, in.Unit, int64(*in.Period)
	if q.stat = parseStatistic(*in.Stat); q.stat == nil { // prometheus-community/yet-another-cloudwatch-exporter#385
		f.add("The value %s for parameter %s.Stat is not a valid statistic.", *in.Stat, path)
	}
	if !validPeriod(*in.Period) { // unverified: the text
		f.add("The parameter %s.Period must be 1, 5, 10, 20, 30 or a multiple of 60.", path)
		q.period = 60
	}
	for _, p := range []struct {
		name string
		v    *string
	}{{"Namespace", in.Metric.Namespace}, {"MetricName", in.Metric.MetricName}} {
		if p.v == nil { // unverified: the text
			f.add("The parameter %s.Metric.%s is required.", path, p.name)
		}
	}
	var err error
	if q.metric, err = wanted(path+".Metric.", in.Metric.Namespace, in.Metric.MetricName, in.Metric.Dimensions); err != nil {
		f.add("%s", err.(*types.InvalidParameterValueException).ErrorMessage())
	}
}

func (q *query) parseMath(f *faults, in *types.MetricDataQuery) {
	if first, _, _ := strings.Cut(strings.TrimSpace(*in.Expression), " "); strings.EqualFold(first, "SELECT") {
		f.add("Error in expression '%s': Metrics Insights queries (SELECT) are not supported by stagedoor", q.id)
		return
	}
	q.period = int64(value(in.Period))
	if in.Period != nil && !validPeriod(*in.Period) { // unverified: the text
		f.add("The parameter Period of '%s' must be 1, 5, 10, 20, 30 or a multiple of 60.", q.id)
	}
	var err error
	if q.expression, err = parseExpression(*in.Expression); err != nil {
		f.add("Error in expression '%s': %s", q.id, err) // unverified: the text
	}
}

// checkNames refuses identifiers that no query has. Keywords are in capitals, ids
// begin with a small letter.
func (q *query) checkNames(f *faults, ids map[string]bool) {
	if q.expression == nil {
		return
	}
	q.expression.names(func(name string) {
		if !ids[name] && (name[0] >= 'a' && name[0] <= 'z' || !contains(keywords[:], name)) { // unverified: the text
			f.add("Error in expression '%s': The following identifiers were referenced but not declared: %s", q.id, name)
		}
	})
}

var keywords = [...]string{"REPEAT", "LINEAR", "ASC", "DESC", "AVG", "MAX", "MIN", "SUM"}

// dataOffset is how many data points the pages before had.
func dataOffset(token *string) (int, error) {
	if token == nil {
		return 0, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(*token)
	if err == nil {
		if digits, ok := strings.CutPrefix(string(raw), "d"); ok {
			if n, err := strconv.ParseUint(digits, 10, 31); err == nil {
				return int(n), nil
			}
		}
	}
	return 0, &types.InvalidNextToken{Message: new("The next token specified is invalid.")} // unverified: the text
}

// paginate cuts results to the data points of one page and says how the next is
// asked for. What is not complete is PartialData.
func paginate(results []types.MetricDataResult, offset, limit int) (next *string) {
	skip, room := offset, limit
	for i := range results {
		r := &results[i]
		n := len(r.Values)
		from := min(skip, n)
		to := min(n, from+room)
		skip -= from
		room -= to - from
		r.Values, r.Timestamps = r.Values[from:to], r.Timestamps[from:to]
		if to < n {
			r.StatusCode = types.StatusCodePartialData
			next = new(base64.RawURLEncoding.EncodeToString([]byte("d" + strconv.Itoa(offset+limit))))
		}
	}
	return next
}
