package logs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"github.com/stagedoor/stagedoor/awswire"
	events "github.com/stagedoor/stagedoor/internal/logs"
	"github.com/stagedoor/stagedoor/internal/service/logs"
	"github.com/stagedoor/stagedoor/internal/store/storetest"
)

const (
	account = "000000000000"
	region  = "us-east-1"
)

// world is a service behind HTTP and the real SDK client before it.
type world struct {
	*cloudwatchlogs.Client
	t      *testing.T
	ctx    context.Context
	events *events.Logs

	service *logs.Service
}

func newWorld(t *testing.T) *world {
	t.Helper()
	s := storetest.New(t)
	l, err := events.New(s, events.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close(context.Background()) })
	service := logs.New(s, l, logs.Options{})
	server := httptest.NewServer(awswire.NewServer(awswire.ServerOptions{
		Services: map[string]awswire.Operations{"logs": service.Operations()},
		Account:  account, Region: region,
	}))
	t.Cleanup(server.Close)
	client := cloudwatchlogs.New(cloudwatchlogs.Options{
		BaseEndpoint: &server.URL, Region: region, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	return &world{Client: client, t: t, ctx: t.Context(), events: l, service: service}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) refused(err error, code, message string) {
	w.t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) {
		w.t.Fatalf("error %v, want %s", err, code)
	}
	if api.ErrorCode() != code || api.ErrorMessage() != message {
		w.t.Errorf("%s: %s\nwant %s: %s", api.ErrorCode(), api.ErrorMessage(), code, message)
	}
}

func (w *world) same(got, want any) {
	w.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Fatalf("-want +got:\n%s", diff)
	}
}

func (w *world) group(name string, streams ...string) {
	w.t.Helper()
	_, err := w.CreateLogGroup(w.ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &name})
	w.must(err)
	for _, stream := range streams {
		_, err := w.CreateLogStream(w.ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &name, LogStreamName: &stream})
		w.must(err)
	}
}

func batch(from int64, messages ...string) []types.InputLogEvent {
	var events []types.InputLogEvent
	for i, message := range messages {
		events = append(events, types.InputLogEvent{Timestamp: aws.Int64(from + int64(i)), Message: &message})
	}
	return events
}

func (w *world) put(group, stream string, events []types.InputLogEvent) *cloudwatchlogs.PutLogEventsOutput {
	w.t.Helper()
	out, err := w.PutLogEvents(w.ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: &group, LogStreamName: &stream, LogEvents: events})
	w.must(err)
	return out
}

func (w *world) filter(in *cloudwatchlogs.FilterLogEventsInput) []string {
	w.t.Helper()
	out, err := w.FilterLogEvents(w.ctx, in)
	w.must(err)
	var texts []string
	for _, e := range out.Events {
		texts = append(texts, *e.Message)
	}
	return texts
}

func TestGroups(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"/aws/lambda/b", "/aws/lambda/a", "API-Gateway-Execution-Logs_x/dev"} {
		w.group(name)
	}
	_, err := w.CreateLogGroup(w.ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("/aws/lambda/a")})
	w.refused(err, "ResourceAlreadyExistsException", "The specified log group already exists")

	out, err := w.DescribeLogGroups(w.ctx, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String("/aws/lambda/")})
	w.must(err)
	w.same(len(out.LogGroups), 2)
	g := out.LogGroups[0]
	w.same([]string{*g.LogGroupName, *g.Arn, *g.LogGroupArn, string(g.LogGroupClass)}, []string{"/aws/lambda/a",
		"arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/a:*", "arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/a", "STANDARD"})
	w.same([]int64{int64(*g.MetricFilterCount), *g.StoredBytes}, []int64{0, 0})
	if g.RetentionInDays != nil || g.KmsKeyId != nil || *g.DeletionProtectionEnabled {
		t.Errorf("%+v", g)
	}

	var names []string
	pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(w, &cloudwatchlogs.DescribeLogGroupsInput{Limit: aws.Int32(1)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(w.ctx)
		w.must(err)
		for _, g := range page.LogGroups {
			names = append(names, *g.LogGroupName)
		}
	}
	w.same(names, []string{"/aws/lambda/a", "/aws/lambda/b", "API-Gateway-Execution-Logs_x/dev"})

	out, err = w.DescribeLogGroups(w.ctx, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePattern: aws.String("Execution")})
	w.must(err)
	if len(out.LogGroups) != 1 || out.LogGroups[0].StoredBytes != nil {
		t.Errorf("by pattern: %+v", out.LogGroups)
	}
	_, err = w.DescribeLogGroups(w.ctx, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePattern: aws.String("a"), LogGroupNamePrefix: aws.String("a")})
	w.refused(err, "InvalidParameterException", "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")

	listed, err := w.ListLogGroups(w.ctx, &cloudwatchlogs.ListLogGroupsInput{LogGroupNamePattern: aws.String("^/aws/lambda/a|Execution")})
	w.must(err)
	w.same(len(listed.LogGroups), 2)
	protect := func(on bool) {
		t.Helper()
		_, err := w.PutLogGroupDeletionProtection(w.ctx, &cloudwatchlogs.PutLogGroupDeletionProtectionInput{LogGroupIdentifier: aws.String("/aws/lambda/a"), DeletionProtectionEnabled: &on})
		w.must(err)
	}
	protect(true)
	if _, err = w.DeleteLogGroup(w.ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String("/aws/lambda/a")}); err == nil {
		t.Error("a protected group was deleted")
	}
	protect(false)
	_, err = w.DeleteLogGroup(w.ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String("/aws/lambda/a")})
	w.must(err)
	_, err = w.DeleteLogGroup(w.ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String("/aws/lambda/a")})
	w.refused(err, "ResourceNotFoundException", "The specified log group does not exist.")
	_, err = w.DescribeSubscriptionFilters(w.ctx, &cloudwatchlogs.DescribeSubscriptionFiltersInput{LogGroupName: aws.String("/aws/lambda/a")})
	w.refused(err, "ResourceNotFoundException", "The specified log group does not exist.")
	filters, err := w.DescribeSubscriptionFilters(w.ctx, &cloudwatchlogs.DescribeSubscriptionFiltersInput{LogGroupName: aws.String("/aws/lambda/b")})
	w.must(err)
	w.same(filters.SubscriptionFilters, []types.SubscriptionFilter{})
}

func TestRetentionAndTags(t *testing.T) {
	w := newWorld(t)
	name := aws.String("g")
	_, err := w.CreateLogGroup(w.ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: name, Tags: map[string]string{"env": "testing1"}})
	w.must(err)
	retention := func() *int32 {
		out, err := w.DescribeLogGroups(w.ctx, &cloudwatchlogs.DescribeLogGroupsInput{})
		w.must(err)
		return out.LogGroups[0].RetentionInDays
	}
	_, err = w.PutRetentionPolicy(w.ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: name, RetentionInDays: aws.Int32(7)})
	w.must(err)
	w.same(retention(), aws.Int32(7))
	_, err = w.PutRetentionPolicy(w.ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: name, RetentionInDays: aws.Int32(8)})
	w.refused(err, "InvalidParameterException", "Invalid retention value. Valid values are: [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]")
	_, err = w.DeleteRetentionPolicy(w.ctx, &cloudwatchlogs.DeleteRetentionPolicyInput{LogGroupName: name})
	w.must(err)
	w.same(retention(), (*int32)(nil))

	// As in AWS recording test_tag_resource_api. (The model refuses an ARN with ":*" here.)
	arn := "arn:aws:logs:us-east-1:000000000000:log-group:g"
	tags := func(want map[string]string) {
		t.Helper()
		old, err := w.ListTagsLogGroup(w.ctx, &cloudwatchlogs.ListTagsLogGroupInput{LogGroupName: name})
		w.must(err)
		w.same(old.Tags, want)
		out, err := w.ListTagsForResource(w.ctx, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: &arn})
		w.must(err)
		w.same(out.Tags, want)
	}
	_, err = w.TagResource(w.ctx, &cloudwatchlogs.TagResourceInput{ResourceArn: &arn, Tags: map[string]string{"test1": "val1", "test2": "val2"}})
	w.must(err)
	_, err = w.TagLogGroup(w.ctx, &cloudwatchlogs.TagLogGroupInput{LogGroupName: name, Tags: map[string]string{"test3": "val3"}})
	w.must(err)
	tags(map[string]string{"env": "testing1", "test1": "val1", "test2": "val2", "test3": "val3"})
	_, err = w.UntagResource(w.ctx, &cloudwatchlogs.UntagResourceInput{ResourceArn: &arn, TagKeys: []string{"env", "none"}})
	w.must(err)
	_, err = w.UntagLogGroup(w.ctx, &cloudwatchlogs.UntagLogGroupInput{LogGroupName: name, Tags: []string{"test1", "test2", "test3"}})
	w.must(err)
	tags(map[string]string{})
	_, err = w.ListTagsForResource(w.ctx, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: aws.String(arn + "x")})
	w.refused(err, "ResourceNotFoundException", "The specified log group does not exist.")
}

func TestStreams(t *testing.T) {
	w := newWorld(t)
	w.group("g", "p-2", "p-1", "q")
	name := aws.String("g")
	_, err := w.CreateLogStream(w.ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: name, LogStreamName: aws.String("q")})
	w.refused(err, "ResourceAlreadyExistsException", "The specified log stream already exists")
	_, err = w.CreateLogStream(w.ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: aws.String("none"), LogStreamName: aws.String("q")})
	w.refused(err, "ResourceNotFoundException", "The specified log group does not exist.")
	w.put("g", "q", batch(time.Now().UnixMilli(), "x"))
	w.put("g", "p-1", batch(time.Now().UnixMilli()+1000, "x"))
	list := func(in *cloudwatchlogs.DescribeLogStreamsInput) []string {
		t.Helper()
		out, err := w.DescribeLogStreams(w.ctx, in)
		w.must(err)
		var names []string
		for _, s := range out.LogStreams {
			names = append(names, *s.LogStreamName)
			if want := "arn:aws:logs:us-east-1:000000000000:log-group:g:log-stream:" + *s.LogStreamName; *s.Arn != want {
				t.Errorf("ARN %s, want %s", *s.Arn, want)
			}
		}
		return names
	}
	arn := aws.String("arn:aws:logs:us-east-1:000000000000:log-group:g")
	w.same(list(&cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: name}), []string{"p-1", "p-2", "q"})
	w.same(list(&cloudwatchlogs.DescribeLogStreamsInput{LogGroupIdentifier: name, Descending: aws.Bool(true)}), []string{"q", "p-2", "p-1"})
	w.same(list(&cloudwatchlogs.DescribeLogStreamsInput{LogGroupIdentifier: arn, LogStreamNamePrefix: aws.String("p-")}), []string{"p-1", "p-2"})
	w.same(list(&cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: name, OrderBy: types.OrderByLastEventTime, Descending: aws.Bool(true)}), []string{"p-1", "q", "p-2"})
	_, err = w.DescribeLogStreams(w.ctx, &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: name, LogGroupIdentifier: arn})
	w.refused(err, "ValidationException", "LogGroup name and LogGroup ARN are mutually exclusive parameters.")
	_, err = w.DescribeLogStreams(w.ctx, &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: name, OrderBy: types.OrderByLastEventTime, LogStreamNamePrefix: name})
	w.refused(err, "InvalidParameterException", "Cannot order by LastEventTime with a logStreamNamePrefix.")
	_, err = w.DeleteLogStream(w.ctx, &cloudwatchlogs.DeleteLogStreamInput{LogGroupName: name, LogStreamName: aws.String("q")})
	w.must(err)
	w.same(list(&cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: name}), []string{"p-1", "p-2"})
	_, err = w.DeleteLogStream(w.ctx, &cloudwatchlogs.DeleteLogStreamInput{LogGroupName: name, LogStreamName: aws.String("q")})
	w.refused(err, "ResourceNotFoundException", "The specified log stream does not exist.")
}

func TestPutLogEvents(t *testing.T) {
	w := newWorld(t)
	w.group("g", "s")
	now := time.Now().UnixMilli()
	day := (24 * time.Hour).Milliseconds()
	put := func(stream string, events []types.InputLogEvent) (*cloudwatchlogs.PutLogEventsOutput, error) {
		return w.PutLogEvents(w.ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: &stream, LogEvents: events})
	}
	_, err := put("none", batch(now, "x"))
	w.refused(err, "ResourceNotFoundException", "The specified log stream does not exist.")
	_, err = put("s", append(batch(now, "x"), batch(now-2*day, "y")...))
	w.refused(err, "InvalidParameterException", "Log events in a single PutLogEvents request must be in chronological order.")
	_, err = put("s", append(batch(now-2*day, "x"), batch(now, "y")...))
	w.refused(err, "InvalidParameterException", "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
	_, err = put("s", batch(now, strings.Repeat("x", 1048576)))
	w.refused(err, "InvalidParameterException", "Log event too large: 1048602 bytes exceeds limit of 1048576")
	_, err = put("s", batch(now, strings.Repeat("x", 600_000), strings.Repeat("x", 600_000)))
	w.refused(err, "InvalidParameterException", "Upload too large: 1200052 bytes exceeds limit of 1048576")

	out, err := put("s", batch(now-30*day, "old"))
	w.must(err)
	w.same(out.RejectedLogEventsInfo.TooOldLogEventEndIndex, aws.Int32(1))
	out, err = put("s", slices.Concat(batch(now-30*day, "old"), batch(now, "kept"), batch(now+day, "new")))
	w.must(err)
	w.same([]int32{*out.RejectedLogEventsInfo.TooOldLogEventEndIndex, *out.RejectedLogEventsInfo.TooNewLogEventStartIndex}, []int32{1, 2})
	out = w.put("g", "s", batch(now, "🙀 - 参よ - 日本語", strings.Repeat("x", 1000_000)))
	if out.RejectedLogEventsInfo != nil || out.NextSequenceToken == nil {
		t.Errorf("%+v", out)
	}
	w.same(w.filter(&cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("g")})[:2], []string{"kept", "🙀 - 参よ - 日本語"})
}

func TestGetLogEvents(t *testing.T) {
	w := newWorld(t)
	w.group("g", "s", "empty")
	now := time.Now().UnixMilli()
	var want []string
	for i := range 20 {
		want = append(want, fmt.Sprint("message ", i))
	}
	w.put("g", "s", batch(now, want...))
	get := func(in cloudwatchlogs.GetLogEventsInput) ([]string, *cloudwatchlogs.GetLogEventsOutput) {
		t.Helper()
		in.LogGroupName = aws.String("g")
		if in.LogStreamName == nil {
			in.LogStreamName = aws.String("s")
		}
		out, err := w.GetLogEvents(w.ctx, &in)
		w.must(err)
		var texts []string
		for _, e := range out.Events {
			texts = append(texts, *e.Message)
		}
		return texts, out
	}
	texts, out := get(cloudwatchlogs.GetLogEventsInput{Limit: aws.Int32(8), StartFromHead: aws.Bool(true)})
	w.same(texts, want[:8])
	texts, out = get(cloudwatchlogs.GetLogEventsInput{Limit: aws.Int32(8), NextToken: out.NextForwardToken, StartFromHead: aws.Bool(true)})
	w.same(texts, want[8:16])
	texts, back := get(cloudwatchlogs.GetLogEventsInput{Limit: aws.Int32(3), NextToken: out.NextBackwardToken})
	w.same(texts, want[5:8])
	texts, out = get(cloudwatchlogs.GetLogEventsInput{Limit: aws.Int32(8), NextToken: out.NextForwardToken, StartFromHead: aws.Bool(true)})
	w.same(texts, want[16:])
	texts, end := get(cloudwatchlogs.GetLogEventsInput{NextToken: out.NextForwardToken, StartFromHead: aws.Bool(true)})
	w.same(texts, []string(nil))
	w.same(end.NextForwardToken, out.NextForwardToken) // the same token at the end
	texts, _ = get(cloudwatchlogs.GetLogEventsInput{NextToken: end.NextBackwardToken, Limit: aws.Int32(2)})
	w.same(texts, want[17:19])
	texts, back = get(cloudwatchlogs.GetLogEventsInput{NextToken: back.NextBackwardToken})
	w.same(texts, want[:5])
	texts, head := get(cloudwatchlogs.GetLogEventsInput{NextToken: back.NextBackwardToken})
	w.same(texts, []string(nil))
	w.same(head.NextBackwardToken, back.NextBackwardToken)

	texts, _ = get(cloudwatchlogs.GetLogEventsInput{Limit: aws.Int32(3)})
	w.same(texts, want[17:])
	texts, _ = get(cloudwatchlogs.GetLogEventsInput{StartTime: aws.Int64(now + 2), EndTime: aws.Int64(now + 4)})
	w.same(texts, want[2:4])

	// A poller of an empty stream sees what comes.
	_, out = get(cloudwatchlogs.GetLogEventsInput{LogStreamName: aws.String("empty"), StartFromHead: aws.Bool(true)})
	w.put("g", "empty", batch(now, "first"))
	texts, _ = get(cloudwatchlogs.GetLogEventsInput{LogStreamName: aws.String("empty"), NextToken: out.NextForwardToken, StartFromHead: aws.Bool(true)})
	w.same(texts, []string{"first"})

	for _, c := range []struct {
		in            cloudwatchlogs.GetLogEventsInput
		code, message string
	}{
		{cloudwatchlogs.GetLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("s"), NextToken: aws.String("invalid-token")}, "InvalidParameterException", "The specified nextToken is invalid."},
		{cloudwatchlogs.GetLogEventsInput{LogGroupName: aws.String("none"), LogStreamName: aws.String("s")}, "ResourceNotFoundException", "The specified log group does not exist."},
		{cloudwatchlogs.GetLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("none")}, "ResourceNotFoundException", "The specified log stream does not exist."},
		{cloudwatchlogs.GetLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("s"), Limit: aws.Int32(10001)}, "InvalidParameterException",
			"1 validation error detected: Value '10001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 10000"},
	} {
		_, err := w.GetLogEvents(w.ctx, &c.in)
		w.refused(err, c.code, c.message)
	}
}

func TestFilterLogEvents(t *testing.T) {
	w := newWorld(t)
	w.group("g", "a", "b")
	now := time.Now().UnixMilli()
	w.put("g", "a", batch(now, "hello", "world", "hello world", "goodbye world", "hello cruela", "goodbye cruel world"))
	w.put("g", "b", batch(now+1, "from b"))
	group := aws.String("g")
	for _, c := range []struct {
		in   cloudwatchlogs.FilterLogEventsInput
		want []string
	}{
		{cloudwatchlogs.FilterLogEventsInput{}, []string{"hello", "world", "from b", "hello world", "goodbye world", "hello cruela", "goodbye cruel world"}},
		{cloudwatchlogs.FilterLogEventsInput{LogStreamNames: []string{"b"}}, []string{"from b"}},
		{cloudwatchlogs.FilterLogEventsInput{LogStreamNamePrefix: aws.String("b")}, []string{"from b"}},
		{cloudwatchlogs.FilterLogEventsInput{FilterPattern: aws.String("goodbye world")}, []string{"goodbye world", "goodbye cruel world"}},
		{cloudwatchlogs.FilterLogEventsInput{FilterPattern: aws.String(`"hello cruel"`)}, []string{"hello cruela"}},
		{cloudwatchlogs.FilterLogEventsInput{StartTime: aws.Int64(now + 1), EndTime: aws.Int64(now + 2)}, []string{"world", "from b", "hello world"}},
	} {
		c.in.LogGroupName = group
		w.same(w.filter(&c.in), c.want)
	}

	// startFromHead is newer than the embedded model: only in-process callers
	// can send it.
	ctx := awswire.WithCaller(w.ctx, awswire.Caller{Account: account, Region: region})
	newest, err := w.service.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: group, StartFromHead: aws.Bool(false), Limit: aws.Int32(2)})
	w.must(err)
	w.same([]string{*newest.Events[0].Message, *newest.Events[1].Message}, []string{"goodbye cruel world", "hello cruela"})

	var texts []string
	ids := map[string]bool{}
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(w, &cloudwatchlogs.FilterLogEventsInput{LogGroupIdentifier: group, Limit: aws.Int32(3)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(w.ctx)
		w.must(err)
		for _, e := range page.Events {
			texts, ids[*e.EventId] = append(texts, *e.Message), true
		}
	}
	if len(texts) != 7 || len(ids) != 7 {
		t.Errorf("pages: %q, %d ids", texts, len(ids))
	}

	// "tail --follow" polls from the time of the last event and leaves out the
	// ids it has seen: an id must stay.
	w.put("g", "b", batch(now+5, "later"))
	polled, err := w.FilterLogEvents(w.ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: group, StartTime: aws.Int64(now + 5)})
	w.must(err)
	if len(polled.Events) != 2 || !ids[*polled.Events[0].EventId] || ids[*polled.Events[1].EventId] {
		t.Errorf("a poll sees %d events, the first of them with another id than before", len(polled.Events))
	}

	_, err = w.FilterLogEvents(w.ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: group, NextToken: aws.String("invalid-token")})
	w.refused(err, "InvalidParameterException", "The specified nextToken is invalid.")
	_, err = w.FilterLogEvents(w.ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: group, FilterPattern: aws.String("{ $.a = 1")})
	w.refused(err, "InvalidParameterException", "If a filter pattern starts with '{' it must end with '}'")
	_, err = w.FilterLogEvents(w.ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("none")})
	w.refused(err, "ResourceNotFoundException", "The specified log group does not exist.")
}

// What a Writer wrote a moment ago is there, in a group that nobody created.
func TestWritersAreSeen(t *testing.T) {
	w := newWorld(t)
	w.events.Writer(account, region, "/aws/lambda/f", "2026/11/22/[$LATEST]0a").Write(events.Event{Millis: time.Now().UnixMilli(), Message: "START"})
	out, err := w.DescribeLogStreams(w.ctx, &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: aws.String("/aws/lambda/f")})
	w.must(err)
	w.same(*out.LogStreams[0].LogStreamName, "2026/11/22/[$LATEST]0a")
	w.same(w.filter(&cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/aws/lambda/f")}), []string{"START"})
}
