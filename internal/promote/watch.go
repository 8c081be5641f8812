package promote

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	metrics "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// measureEvery is how often the metrics are asked for while a promotion bakes.
// CloudWatch has one value a minute.
const measureEvery = 15 * time.Second

// beginBake says in the journal until when the promotion bakes.
func (r *runner) beginBake(ctx context.Context) error {
	r.record.BakesUntil = time.Now().Add(r.plan.Request.Bake).UTC().Truncate(time.Second)
	return r.write(ctx, r.record, Baking)
}

// bake waits, and ends the promotion when too many calls fail.
func (r *runner) bake(ctx context.Context) error {
	began := time.Now()
	r.say(Event{Kind: "wait", Text: fmt.Sprintf("watching until %s", r.record.BakesUntil.Format("15:04:05 MST"))})
	base, err := r.measure(ctx, began)
	if err != nil {
		return err
	}
	for {
		left := time.Until(r.record.BakesUntil)
		if left > 0 {
			if err := sleep(ctx, min(left, measureEvery)); err != nil {
				return err
			}
		}
		var now *Measured
		err := r.step(ctx, func(ctx context.Context) (string, error) {
			now, err = r.measure(ctx, began)
			return "", err
		})
		if err != nil {
			return err
		}
		got := now.since(base)
		r.result.Measured = got
		if len(r.plan.Request.AbortOn) > 0 {
			r.say(Event{Kind: "measure", Text: got.String()})
		}
		for _, t := range r.plan.Request.AbortOn {
			if got.exceeds(t) {
				return final("aborted: %s, and the limit is %s", got, t)
			}
		}
		if left <= 0 {
			return nil
		}
	}
}

func (m *Measured) since(base *Measured) *Measured {
	return &Measured{
		Calls: max(m.Calls-base.Calls, 0), Failed: max(m.Failed-base.Failed, 0), Canary: m.Canary,
		Invoked: max(m.Invoked-base.Invoked, 0), Errors: max(m.Errors-base.Errors, 0),
	}
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
	text := fmt.Sprintf("%g %s %g calls answered 5xx", m.Failed, whose, m.Calls)
	if m.Calls > 0 {
		text += fmt.Sprintf(" (%.1f %%)", m.Failed/m.Calls*100)
	}
	if m.Invoked > 0 {
		text += fmt.Sprintf(", %g of %g invocations failed", m.Errors, m.Invoked)
	}
	return text
}

// measure counts calls since a moment, to the minute: API Gateway's Count and
// 5XXError by API and stage (APIGW-DG api-gateway-metrics-and-dimensions), and
// of moved aliases Lambda's Invocations and Errors.
func (r *runner) measure(ctx context.Context, since time.Time) (*Measured, error) {
	if len(r.plan.Request.AbortOn) == 0 {
		return &Measured{}, nil
	}
	if r.w.place.Metrics == nil {
		return nil, final("this place has no metrics to watch")
	}
	in := &cloudwatch.GetMetricDataInput{
		StartTime: aws.Time(since.Truncate(time.Minute)), EndTime: aws.Time(time.Now().Add(time.Minute).Truncate(time.Minute).Add(time.Minute)),
		MetricDataQueries: r.queries(),
	}
	sums := map[string]float64{}
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
			break
		}
	}
	m := &Measured{Calls: sums["all"], Failed: sums["failed"], Invoked: sums["invoked"], Errors: sums["errors"]}
	for i := range r.parts {
		m.Invoked += sums[fmt.Sprintf("i%d", i)]
		m.Errors += sums[fmt.Sprintf("e%d", i)]
	}
	return m, nil
}

func (r *runner) queries() []metrics.MetricDataQuery {
	stage := []metrics.Dimension{
		{Name: aws.String("ApiName"), Value: &r.plan.APIName}, {Name: aws.String("Stage"), Value: &r.plan.Stage.Name},
	}
	all := []metrics.MetricDataQuery{query("all", "AWS/ApiGateway", "Count", stage), query("failed", "AWS/ApiGateway", "5XXError", stage)}
	for i, f := range r.parts {
		for _, a := range f.Aliases {
			bare := part(f.Function, 6)
			name := bare + ":" + a.Name
			d := []metrics.Dimension{{Name: aws.String("FunctionName"), Value: &bare}, {Name: aws.String("Resource"), Value: &name}}
			all = append(all, query(fmt.Sprintf("i%d", i), "AWS/Lambda", "Invocations", d), query(fmt.Sprintf("e%d", i), "AWS/Lambda", "Errors", d))
			break
		}
		if len(all) >= maxQueries-1 {
			break
		}
	}
	return all
}

// maxQueries is CloudWatch's limit for one GetMetricData.
const maxQueries = 500

func query(id, namespace, name string, dimensions []metrics.Dimension) metrics.MetricDataQuery {
	return metrics.MetricDataQuery{Id: &id, MetricStat: &metrics.MetricStat{
		Metric: &metrics.Metric{Namespace: &namespace, MetricName: &name, Dimensions: dimensions}, Period: aws.Int32(60), Stat: aws.String("Sum"),
	}}
}
