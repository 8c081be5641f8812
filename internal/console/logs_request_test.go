package console

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/google/go-cmp/cmp"
)

// logBook is log groups of one stream each: "MILLIS TEXT" lines in order.
type logBook map[string][]string

func (b logBook) events(group string) (events []logtypes.FilteredLogEvent, err error) {
	lines, ok := b[group]
	if !ok {
		return nil, &logtypes.ResourceNotFoundException{Message: aws.String("The specified log group does not exist.")}
	}
	for i, line := range lines {
		var at int64
		at, text := 0, ""
		_, _ = fmt.Sscanf(line, "%d", &at)
		_, text, _ = strings.Cut(line, " ")
		events = append(events, logtypes.FilteredLogEvent{EventId: aws.String(fmt.Sprint(i)), LogStreamName: aws.String("s"), Timestamp: aws.Int64(at), Message: &text})
	}
	return events, nil
}

func (b logBook) FilterLogEvents(_ context.Context, in *cloudwatchlogs.FilterLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.FilterLogEventsOutput, error) {
	events, err := b.events(*in.LogGroupName)
	find := strings.Trim(aws.ToString(in.FilterPattern), `"`)
	events = slices.DeleteFunc(events, func(e logtypes.FilteredLogEvent) bool { return !strings.Contains(*e.Message, find) })
	if in.Limit != nil {
		events = events[:min(len(events), int(*in.Limit))]
	}
	return &cloudwatchlogs.FilterLogEventsOutput{Events: events}, err
}

func (b logBook) GetLogEvents(_ context.Context, in *cloudwatchlogs.GetLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.GetLogEventsOutput, error) {
	events, err := b.events(*in.LogGroupName)
	out := &cloudwatchlogs.GetLogEventsOutput{NextForwardToken: aws.String("end")}
	for _, e := range events {
		if *e.Timestamp >= *in.StartTime && in.NextToken == nil {
			out.Events = append(out.Events, logtypes.OutputLogEvent{Timestamp: e.Timestamp, Message: e.Message})
		}
	}
	return out, err
}

const (
	requestA, requestB = "aaaaaaaa-0000-4000-8000-000000000000", "bbbbbbbb-0000-4000-8000-000000000000"
	invokedA, invokedB = "aaaaaaaa-1111-4000-8000-000000000000", "bbbbbbbb-1111-4000-8000-000000000000"
)

// Two requests at the same moment, the lines of which stand mixed (forms of the
// lines: aws-facts part 3).
func book() logBook {
	return logBook{
		"API-Gateway-Execution-Logs_api/dev": {
			"1000 (" + requestA + ") Extended Request Id: x",
			"1000 (" + requestB + ") Extended Request Id: y",
			"1000 (" + requestA + ") HTTP Method: GET, Resource Path: /orders",
			"1000 (" + requestA + ") Sending request to https://lambda",
			"1001 (" + requestB + ") HTTP Method: GET, Resource Path: /orders",
			"1001 (" + requestA + ") Received response. Status: 200, Integration latency: 1 ms",
			"1001 (" + requestA + ") Method completed with status: 200",
			"1001 (" + requestA + ") AWS Integration Endpoint RequestId : " + invokedA,
			"1002 (" + requestB + ") Execution failed due to configuration error: Malformed Lambda proxy response",
			"1002 (" + requestB + ") Method completed with status: 502",
			"1002 (" + requestB + ") AWS Integration Endpoint RequestId : " + invokedB,
		},
		"/aws/lambda/orders": {
			"1000 START RequestId: " + invokedA + " Version: $LATEST\n", "1000 first\n", "1001 END RequestId: " + invokedA + "\n", "1001 REPORT RequestId: " + invokedA + "\tDuration: 1 ms\n",
			"1001 START RequestId: " + invokedB + " Version: $LATEST\n", "1001 second\n", "1002 REPORT RequestId: " + invokedB + "\tDuration: 1 ms\n",
		},
		"access": {`1003 {"requestId":"` + requestA + `","status":"200"}`, `1003 {"requestId":"` + requestB + `","status":"502"}`},
	}
}

// The lines of one request are found in all its logs and no others are; at the
// same millisecond the function's stand between those of API Gateway.
func TestReadRequest(t *testing.T) {
	from := requestSources{Execution: "API-Gateway-Execution-Logs_api/dev", Access: "access", Functions: []string{"/aws/lambda/other", "/aws/lambda/orders"}}
	for _, c := range []struct {
		id   string
		want []string
	}{
		{requestA, []string{
			"gateway Extended Request Id: x", "gateway HTTP Method: GET, Resource Path: /orders", "gateway Sending request to https://lambda",
			"function START RequestId: " + invokedA + " Version: $LATEST", "function first",
			"function END RequestId: " + invokedA, "function REPORT RequestId: " + invokedA + "\tDuration: 1 ms",
			"gateway Received response. Status: 200, Integration latency: 1 ms", "gateway Method completed with status: 200",
			"gateway AWS Integration Endpoint RequestId : " + invokedA, `access {"requestId":"` + requestA + `","status":"200"}`,
		}},
		{requestB, []string{
			"gateway Extended Request Id: y", "gateway HTTP Method: GET, Resource Path: /orders",
			"function START RequestId: " + invokedB + " Version: $LATEST", "function second", "function REPORT RequestId: " + invokedB + "\tDuration: 1 ms",
			"gateway Execution failed due to configuration error: Malformed Lambda proxy response (bad)", "gateway Method completed with status: 502 (bad)",
			"gateway AWS Integration Endpoint RequestId : " + invokedB, `access {"requestId":"` + requestB + `","status":"502"}`,
		}},
	} {
		got, err := readRequest(t.Context(), book(), c.id, from)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, l := range got.Lines {
			text := l.From + " " + l.Text
			if l.Bad {
				text += " (bad)"
			}
			lines = append(lines, text)
		}
		if diff := cmp.Diff(c.want, lines); diff != "" {
			t.Error(diff)
		}
		if got.Silent || got.Cut || len(got.Groups) != 3 {
			t.Errorf("silent %v, cut %v, groups %q", got.Silent, got.Cut, got.Groups)
		}
	}
}

// Without an execution log nothing ties lines to the request.
func TestReadRequestWithoutExecutionLog(t *testing.T) {
	b := book()
	delete(b, "API-Gateway-Execution-Logs_api/dev")
	got, err := readRequest(t.Context(), b, requestA, requestSources{Execution: "API-Gateway-Execution-Logs_api/dev", Access: "access", Functions: []string{"/aws/lambda/orders"}})
	if err != nil || !got.Silent || len(got.Lines) != 1 || got.Lines[0].From != fromAccess {
		t.Errorf("got %+v, %v", got, err)
	}
}

// The requests of a stage as its execution log tells them, newest first.
func TestSeenRequests(t *testing.T) {
	events, _ := book().events("API-Gateway-Execution-Logs_api/dev")
	slices.Reverse(events)
	slices.SortStableFunc(events, func(a, b logtypes.FilteredLogEvent) int { return int(*b.Timestamp - *a.Timestamp) })
	events = append(events, logtypes.FilteredLogEvent{Timestamp: aws.Int64(1), Message: aws.String("no request's")})
	got := seenRequests(events)
	if len(got) != 2 {
		t.Fatalf("got %+v", got)
	}
	byID := map[string]seenRequest{got[0].ID: got[0], got[1].ID: got[1]}
	a, b := byID[requestA], byID[requestB]
	if a.Verb != "GET" || a.Path != "/orders" || a.Status != "200" || a.Bad() || a.Took != time.Millisecond {
		t.Errorf("A: %+v", a)
	}
	if b.Status != "502" || !b.Bad() || !strings.Contains(b.Failure, "Malformed") {
		t.Errorf("B: %+v", b)
	}
}

// What a person types is a pattern where it looks like one, else a text.
func TestPatternOf(t *testing.T) {
	for typed, want := range map[string]string{
		"ERROR": `"ERROR"`, "a, b: c": `"a, b: c"`, `"exact"`: `"exact"`, "{ $.status = 500 }": "{ $.status = 500 }", "[ip, user]": "[ip, user]",
		"?ERROR ?WARN": "?ERROR ?WARN", `back\slash`: `"back\\slash"`,
	} {
		if got := patternOf(typed); got != want {
			t.Errorf("patternOf(%q) = %q, want %q", typed, got, want)
		}
	}
}

func TestFormats(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 ns", 85 * time.Microsecond: "85 µs", 3200 * time.Microsecond: "3.2 ms", 3 * time.Millisecond: "3 ms", 250 * time.Millisecond: "250 ms",
		1450 * time.Millisecond: "1.45 s", 90 * time.Second: "1m30s", -1: "–",
	} {
		if got := took(d); got != want {
			t.Errorf("took(%d) = %q, want %q", d, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 812: "812 B", 3481: "3.4 KB", 12 << 20: "12 MB"} {
		if got, err := size(n); got != want || err != nil {
			t.Errorf("size(%d) = %q, %v, want %q", n, got, err, want)
		}
	}
	if _, err := size("much"); err == nil {
		t.Error("a text has a size")
	}
}
