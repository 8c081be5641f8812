package promote_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	types "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/stagedoor/stagedoor/internal/promote"
)

// BenchmarkPlan plans the promotion of 300 methods at a stagedoor in this
// process, and tells the number of AWS calls.
func BenchmarkPlan(b *testing.B) {
	const methods = 300
	b.Run("one function, aliases", func(b *testing.B) {
		w := newWorld(b)
		w.function("all", "old")
		w.alias("all", "staging", w.publish("all"))
		w.update("all", "new")
		w.alias("all", "dev", "$LATEST")
		var routes []string
		for i := range methods / 2 {
			routes = append(routes, fmt.Sprintf("*p%d=all:${stageVariables.env}", i))
		}
		api := w.api("bench", routes...)
		w.grant(api, "all:dev", "all:staging")
		w.planned(b, api)
	})
	for _, functions := range []int{30, methods / 2} {
		b.Run(fmt.Sprintf("%d functions for each stage", functions), func(b *testing.B) {
			w := newWorld(b)
			for i := range functions {
				for _, stage := range []string{"dev", "staging"} {
					_, err := w.lambda.CreateFunction(context.Background(), &lambda.CreateFunctionInput{
						FunctionName: aws.String(fmt.Sprintf("f%d-%s", i, stage)), Runtime: types.RuntimePython312, Handler: aws.String("index.handler"), Role: &w.role,
						Code: &types.FunctionCode{ZipFile: code(b, fmt.Sprint(i, stage))},
					})
					must(b, err)
				}
			}
			var routes []string
			for i := range methods / 2 {
				routes = append(routes, fmt.Sprintf("*p%d=f%d-${stageVariables.env}", i, i%functions))
			}
			api := w.api("bench", routes...)
			for i := range functions {
				w.grant(api, fmt.Sprintf("f%d-dev", i), fmt.Sprintf("f%d-staging", i))
			}
			w.planned(b, api)
		})
	}
}

func (w *world) planned(b *testing.B, api string) {
	w.deploy(api, "staging", "env=staging")
	w.deploy(api, "dev", "env=dev")
	calls := 0
	for b.Loop() {
		p := w.plan(promote.Request{API: api, From: "dev", To: "staging", Caller: somebody(1)})
		if len(p.Problems) > 0 || len(p.Functions) == 0 {
			b.Fatalf("%+v", p.Problems)
		}
		calls = p.Calls
	}
	b.ReportMetric(float64(calls), "calls/op")
}
