package promote

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	metrics "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// CloudWatch has one value a minute, so it is asked now and then while a
// promotion bakes: ten times, but no more often than every 200 ms and no less
// often than every 15 s.
func measureEvery(bake time.Duration) time.Duration {
	return min(max(bake/10, 200*time.Millisecond), 15*time.Second)
}

// beginBake says in the journal until when the promotion bakes.
func (r *runner) beginBake(ctx context.Context) error {
	r.record.BakesUntil = time.Now().Add(r.plan.Request.Bake).UTC().Truncate(time.Second)
	return r.write(ctx, r.record, Baking)
}

// bake waits, and ends the promotion when too many calls fail.
func (r *runner) bake(ctx context.Context) error {
	began, base := r.record.BakesUntil.Add(-r.plan.Request.Bake), counts{}
	if !r.resumed { // else what an earlier run saw counts as well
		var err error
		if base, err = r.count(ctx, began); err != nil {
			return err
		}
	}
	r.say(Event{Kind: "wait", Text: fmt.Sprintf("watching until %s", r.record.BakesUntil.Format("15:04:05 MST"))})
	every := measureEvery(time.Until(r.record.BakesUntil))
	for {
		left := time.Until(r.record.BakesUntil)
		if left > 0 {
			if err := sleep(ctx, min(left, every)); err != nil {
				return err
			}
		}
		err := r.step(ctx, func(ctx context.Context) (string, error) {
			now, err := r.count(ctx, began)
			if err == nil {
				r.result.Measured = now.since(base)
			}
			return "", err
		})
		if err != nil {
			return err
		}
		if err := r.judge(r.result.Measured); err != nil {
			return err
		}
		if left <= 0 {
			if m := r.result.Measured; len(r.plan.Request.AbortOn) > 0 && m.Calls == 0 && m.Invoked == 0 {
				r.say(Event{Kind: "note", Text: "nobody called the stage while it was watched, so nothing is proven"})
			}
			return nil
		}
	}
}

// judge aborts when a limit is passed.
func (r *runner) judge(got *Measured) error {
	if len(r.plan.Request.AbortOn) == 0 {
		return nil
	}
	if text := got.String(); text != r.measured {
		r.measured = text
		r.say(Event{Kind: "measure", Text: text})
	}
	for _, t := range r.plan.Request.AbortOn {
		if got.exceeds(t) {
			return final("aborted: %s, and the limit is %s", got, t)
		}
	}
	return nil
}

// counts are sums by the id of their query.
type counts map[string]float64

// since is what came on top of base. The canary's own calls are judged where it
// has some; else all of the stage's.
func (c counts) since(base counts) *Measured {
	of := func(prefix string) (sum float64) {
		for id, n := range c {
			if strings.HasPrefix(id, prefix) {
				sum += max(n-base[id], 0)
			}
		}
		return sum
	}
	m := &Measured{Calls: of("canary_all"), Failed: of("canary_failed"), Canary: true, Invoked: of("invoked"), Errors: of("errors")}
	if m.Calls == 0 {
		m.Calls, m.Failed, m.Canary = of("all"), of("failed"), false
	}
	return m
}

func (m *Measured) exceeds(t Threshold) bool {
	failed, all := m.Failed, m.Calls
	if t.Metric == "errors" {
		failed, all = m.Errors, m.Invoked
	}
	if t.Percent {
		return failed > 0 && failed > all*t.Most/100
	}
	return failed > t.Most
}

// String is one line for a person.
func (m *Measured) String() string {
	whose := "of the stage's"
	if m.Canary {
		whose = "of the canary's"
	}
	text := "no calls yet"
	if m.Calls > 0 {
		text = fmt.Sprintf("%g %s %g calls were answered 5xx (%.1f %%)", m.Failed, whose, m.Calls, m.Failed/m.Calls*100)
	}
	if m.Invoked > 0 {
		text += fmt.Sprintf(", %g of %g invocations failed", m.Errors, m.Invoked)
	}
	return text
}

// count sums up calls since a moment, to the minute: API Gateway's Count and
// 5XXError by API and stage (APIGW-DG api-gateway-metrics-and-dimensions), and
// of moved aliases Lambda's Invocations and Errors.
func (r *runner) count(ctx context.Context, since time.Time) (counts, error) {
	sums := counts{}
	if len(r.plan.Request.AbortOn) == 0 {
		return sums, nil
	}
	if r.w.place.Metrics == nil {
		return nil, final("this place has no metrics to watch")
	}
	in := &cloudwatch.GetMetricDataInput{
		StartTime: aws.Time(since.Truncate(time.Minute)), EndTime: aws.Time(time.Now().Truncate(time.Minute).Add(2 * time.Minute)),
		MetricDataQueries: r.queries(),
	}
	for {
		out, err := call(ctx, r.w.calls, r.w.place.Metrics.GetMetricData, in)
		if err != nil {
			return nil, fmt.Errorf("reading the metrics: %w", err)
		}
		for _, result := range out.MetricDataResults {
			for _, v := range result.Values {
				sums[aws.ToString(result.Id)] += v
			}
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return sums, nil
		}
	}
}

// canaryStage is the dimension Stage of a canary's own metrics. AWS says that a
// canary has metrics of its own beside the stage's, which count its calls too
// (APIGW-DG canary-release).
//
// unverified: that the name ends like that of the canary's log group. Where it
// does not, all calls of the stage are judged.
const canaryStage = "/Canary"

// stageQueries count the calls of a stage, and those of its canary.
func (p *Plan) stageQueries() []metrics.MetricDataQuery {
	stage := dimensions("ApiName", p.APIName, "Stage", p.Stage.Name)
	canary := dimensions("ApiName", p.APIName, "Stage", p.Stage.Name+canaryStage)
	return []metrics.MetricDataQuery{
		query("all", "AWS/ApiGateway", "Count", stage), query("failed", "AWS/ApiGateway", "5XXError", stage),
		query("canary_all", "AWS/ApiGateway", "Count", canary), query("canary_failed", "AWS/ApiGateway", "5XXError", canary),
	}
}

// checkMetrics makes sure before anything changes that failures will be seen.
func (b *builder) checkMetrics(p *Plan) error {
	if len(p.Request.AbortOn) == 0 {
		return nil
	}
	metric := p.work.place.Metrics
	now := time.Now().Truncate(time.Minute)
	var err error = final("this place has no metrics to watch")
	if metric != nil {
		_, err = call(b.ctx, b.scope.calls, metric.GetMetricData, &cloudwatch.GetMetricDataInput{
			StartTime: aws.Time(now.Add(-time.Minute)), EndTime: &now, MetricDataQueries: p.stageQueries(),
		})
	}
	if err == nil || retriable(b.ctx, err) {
		return err
	}
	p.problem(Problem{
		Title: "failures would not be seen", Sentence: "The metrics that --abort-on watches cannot be read: " + err.Error(),
		Remedy: "Allow cloudwatch:GetMetricData, or leave --abort-on and --bake out.",
	})
	return nil
}

func (r *runner) queries() []metrics.MetricDataQuery {
	all := r.plan.stageQueries()
	for _, f := range r.parts {
		for _, a := range f.Aliases {
			if len(all) > maxQueries-2 {
				return all
			}
			d := dimensions("FunctionName", part(f.Function, 6), "Resource", part(f.Function, 6)+":"+a.Name)
			if r.record.Canary > 0 && !a.AtOnce {
				// The new version's share of a weighted alias (Lambda developer
				// guide, monitoring-metrics-view: ExecutedVersion).
				d = append(d, dimensions("ExecutedVersion", a.New)...)
			}
			n := strconv.Itoa(len(all))
			all = append(all, query("invoked"+n, "AWS/Lambda", "Invocations", d), query("errors"+n, "AWS/Lambda", "Errors", d))
		}
	}
	return all
}

// maxQueries is CloudWatch's limit for one GetMetricData.
const maxQueries = 500

func dimensions(namesAndValues ...string) []metrics.Dimension {
	var out []metrics.Dimension
	for pair := range slices.Chunk(namesAndValues, 2) {
		out = append(out, metrics.Dimension{Name: &pair[0], Value: &pair[1]})
	}
	return out
}

func query(id, namespace, name string, d []metrics.Dimension) metrics.MetricDataQuery {
	return metrics.MetricDataQuery{Id: &id, MetricStat: &metrics.MetricStat{
		Metric: &metrics.Metric{Namespace: &namespace, MetricName: &name, Dimensions: d}, Period: aws.Int32(60), Stat: aws.String("Sum"),
	}}
}
