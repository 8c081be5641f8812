package console_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/logs"
)

// furnish gives the account of the issue what the other pages show: refusals of
// many APIs, and the logs of requests and functions.
func (b *bigAccount) furnish() {
	b.Helper()
	now := time.Now()
	for i := range 400 {
		api, stage := i%40, "staging" // the functions of which have no policy where 5 divides api + 7
		name := fmt.Sprintf("fn-%d-%s", api, stage)
		b.grants.Refuse(context.Background(), &grants.Call{
			Account: account, Region: "us-east-1", APIID: b.apis[api], Stage: stage, Method: "GET", ResourcePath: fmt.Sprintf("/resource-%d", i%20),
			FunctionARN: "arn:aws:lambda:us-east-1:" + account + ":function:" + name, SourceAccount: account,
			SourceARN: grants.SourceARN("us-east-1", account, b.apis[api], stage, "GET", fmt.Sprintf("/resource-%d", i%20)),
			RequestID: fmt.Sprintf("%08d-0000-4000-8000-000000000000", i), Time: now,
		}, grants.NoPermission)
	}
	if err := b.grants.Flush(context.Background()); err != nil {
		b.Fatal(err)
	}
	execution := b.logs.Writer(account, "us-east-1", "API-Gateway-Execution-Logs_"+b.apis[0]+"/dev", "stream")
	function := b.logs.Writer(account, "us-east-1", "/aws/lambda/fn-0-dev", "stream")
	for i := range 500 {
		id, call := fmt.Sprintf("%08d-0000-4000-8000-000000000000", i), fmt.Sprintf("%08d-1111-4000-8000-000000000000", i)
		at := now.Add(-time.Duration(500-i) * time.Second).UnixMilli()
		var lines []logs.Event
		for _, text := range []string{
			"Extended Request Id: x", "Verifying Usage Plan for request: " + id + ". API Key:  API Stage: api/dev", "Starting execution for request: " + id,
			"HTTP Method: GET, Resource Path: /resource-1", "Successfully completed execution", "Method completed with status: 200",
			"AWS Integration Endpoint RequestId : " + call,
		} {
			lines = append(lines, logs.Event{Millis: at, Message: "(" + id + ") " + text})
		}
		execution.Write(lines...)
		function.Write(
			logs.Event{Millis: at, Message: "START RequestId: " + call + " Version: $LATEST\n"}, logs.Event{Millis: at, Message: "working\n"},
			logs.Event{Millis: at, Message: "END RequestId: " + call + "\n"},
			logs.Event{Millis: at, Message: "REPORT RequestId: " + call + "\tDuration: 1.00 ms\tBilled Duration: 1 ms\tMemory Size: 128 MB\tMax Memory Used: 30 MB\t\n"})
	}
	if err := b.logs.Flush(context.Background()); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkMorePages renders the pages beside the matrix for the account of the
// issue: ≤ 50 ms each.
func BenchmarkMorePages(b *testing.B) {
	a := newBigAccount(b, manyAPIs, manyMethods)
	a.furnish()
	api := a.apis[0]
	group := "logs/group?name=/aws/lambda/fn-0-dev"
	for _, page := range []struct{ name, path string }{
		{"functions", "functions"}, {"functions-search", "functions?q=fn-299"}, {"function", "functions/fn-1-dev"},
		{"try", "try"}, {"try-api", "try?api=" + api}, {"refusals", "refusals"},
		{"refusal", "refusals/00000003-0000-4000-8000-000000000000"},
		{"logs", "logs"}, {"logs-stage", "logs?api=" + api + "&stage=dev"}, {"logs-group", group}, {"logs-search", group + "&pattern=REPORT"},
		{"logs-request", "logs/request?api=" + api + "&stage=dev&id=00000400-0000-4000-8000-000000000000"},
		{"pipeline", "pipeline"}, {"pipeline-lanes", "pipeline?api=" + api}, {"diff", "pipeline/diff?api=" + api + "&left=dev&right=prod"},
	} {
		b.Run(page.name, func(b *testing.B) {
			a.page(page.path)
			var size int
			for b.Loop() {
				size = a.page(page.path).Len()
			}
			b.ReportMetric(float64(size), "bytes")
		})
	}
}
