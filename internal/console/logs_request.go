package console

import (
	"cmp"
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	gatewaytypes "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// logReader is what reading logs needs of CloudWatch Logs.
type logReader interface {
	FilterLogEvents(context.Context, *cloudwatchlogs.FilterLogEventsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.FilterLogEventsOutput, error)
	GetLogEvents(context.Context, *cloudwatchlogs.GetLogEventsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.GetLogEventsOutput, error)
}

// Where a line of a request's log comes from.
const (
	fromGateway  = "gateway"
	fromFunction = "function"
	fromAccess   = "access"
)

// logLine is one line of a log.
type logLine struct {
	At     time.Time
	From   string
	Group  string
	Stream string
	Text   string
	Bad    bool // it tells of a failure

	rank int // among lines of the same millisecond
}

// requestLog is everything that the logs hold of one request.
type requestLog struct {
	ID     string
	Lines  []logLine
	Groups []string // that were searched and are there
	// Invocations are the ids of the function calls that the request made.
	Invocations []string
	// Silent says that the stage writes no execution log, so that nothing ties
	// the functions' lines to the request.
	Silent bool
	Cut    bool // there are more lines than are read
}

// requestSources are the log groups in which a request can have left lines.
type requestSources struct {
	Execution string
	Access    string // "" where the stage writes none
	Functions []string
}

// maxRequestLines bounds how many lines of one source are read for one request.
const maxRequestLines = 2000

// executionGroup is where API Gateway writes the execution log of a stage
// (aws-facts part 3).
func executionGroup(api, stage string) string {
	return "API-Gateway-Execution-Logs_" + api + "/" + stage
}

// readRequest gathers the lines of one request over all its logs. The
// execution log names the function's own request id, and the function's lines
// are those between START and REPORT of that id, in the stream in which START
// stands: what a function prints does not carry an id by itself.
func readRequest(ctx context.Context, r logReader, id string, from requestSources) (*requestLog, error) {
	out := &requestLog{ID: id}
	execution, err := out.search(ctx, r, from.Execution, id, fromGateway)
	if err != nil {
		return nil, err
	}
	out.Silent = len(execution) == 0
	sent := sentAt(execution)
	for i := range execution {
		line := &execution[i]
		if i > sent {
			line.rank = 2
		}
		if found := invocationID().FindStringSubmatch(line.Text); found != nil && !slices.Contains(out.Invocations, found[1]) {
			out.Invocations = append(out.Invocations, found[1])
		}
	}
	out.Lines = append(out.Lines, execution...)
	if from.Access != "" {
		access, err := out.search(ctx, r, from.Access, id, fromAccess)
		if err != nil {
			return nil, err
		}
		for i := range access {
			access[i].rank = 3
		}
		out.Lines = append(out.Lines, access...)
	}
	for _, invocation := range out.Invocations {
		if err := out.invocation(ctx, r, invocation, from.Functions); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(out.Lines, func(a, b logLine) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.rank, b.rank))
	})
	return out, nil
}

// sentAt is the index of the line behind which the function ran: with data
// trace the log says so, without it the request's own line comes last before.
func sentAt(execution []logLine) int {
	at := -1
	for i := range execution {
		switch {
		case strings.HasPrefix(execution[i].Text, "Sending request to "):
			return i
		case at < 0 && strings.HasPrefix(execution[i].Text, "HTTP Method: "):
			at = i
		}
	}
	return at
}

// invocationID finds the function's request id in AWS's sentences: "AWS
// Integration Endpoint RequestId : ID" and "Lambda request id: ID".
var invocationID = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?:AWS Integration Endpoint RequestId : |Lambda request id: )([0-9a-f]{8}-[0-9a-f-]{27})`)
})

// search reads the lines of a group that hold a text.
func (l *requestLog) search(ctx context.Context, r logReader, group, text, from string) ([]logLine, error) {
	var lines []logLine
	for token := (*string)(nil); ; {
		page, err := r.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{
			LogGroupName: &group, FilterPattern: aws.String(quotedPattern(text)), NextToken: token,
		})
		if isNoGroup(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		for _, e := range page.Events {
			lines = append(lines, logLine{
				At: time.UnixMilli(aws.ToInt64(e.Timestamp)).UTC(), From: from, Group: group, Stream: aws.ToString(e.LogStreamName),
				Text: withoutRequestID(aws.ToString(e.Message)), Bad: tellsOfFailure(aws.ToString(e.Message)),
			})
		}
		if page.NextToken == nil || len(lines) >= maxRequestLines {
			l.Cut = l.Cut || page.NextToken != nil
			break
		}
		token = page.NextToken
	}
	if len(lines) > 0 {
		l.Groups = append(l.Groups, group)
	}
	return lines, nil
}

// invocation adds what one call of a function printed: it is looked for in the
// groups in turn.
func (l *requestLog) invocation(ctx context.Context, r logReader, id string, groups []string) error {
	for _, group := range groups {
		page, err := r.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{
			LogGroupName: &group, FilterPattern: aws.String(quotedPattern(id)), Limit: aws.Int32(1),
		})
		if isNoGroup(err) {
			continue
		}
		if err != nil {
			return err
		}
		if len(page.Events) > 0 {
			l.Groups = append(l.Groups, group)
			return l.between(ctx, r, group, id, page.Events[0])
		}
	}
	return nil
}

// between reads a stream from an invocation's first line to its last.
func (l *requestLog) between(ctx context.Context, r logReader, group, id string, first logtypes.FilteredLogEvent) error {
	begun := false
	for token, read := (*string)(nil), 0; read < maxRequestLines; {
		page, err := r.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{
			LogGroupName: &group, LogStreamName: first.LogStreamName, StartTime: first.Timestamp,
			StartFromHead: aws.Bool(true), NextToken: token,
		})
		if err != nil {
			return err
		}
		for _, e := range page.Events {
			text := strings.TrimRight(aws.ToString(e.Message), "\n")
			begun = begun || strings.Contains(text, id)
			if !begun {
				continue // an earlier invocation's, of the same millisecond
			}
			l.Lines = append(l.Lines, logLine{
				At: time.UnixMilli(aws.ToInt64(e.Timestamp)).UTC(), From: fromFunction, Group: group,
				Stream: aws.ToString(first.LogStreamName), Text: text, Bad: tellsOfFailure(text), rank: 1,
			})
			if strings.HasPrefix(text, "REPORT RequestId: "+id) || strings.Contains(text, `"platform.report"`) && strings.Contains(text, id) {
				return nil
			}
		}
		read += len(page.Events)
		if len(page.Events) == 0 || aws.ToString(page.NextForwardToken) == aws.ToString(token) {
			return nil
		}
		token = page.NextForwardToken
	}
	l.Cut = true
	return nil
}

// quotedPattern makes a filter pattern that matches a text literally (CWL
// FilterAndPatternSyntax: quotation marks, "\" before one).
func quotedPattern(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// withoutRequestID takes off the "(REQUEST-ID) " that begins each line of an
// execution log.
func withoutRequestID(text string) string {
	if _, rest, ok := cutRequestID(text); ok {
		text = rest
	}
	return strings.TrimRight(text, "\n")
}

// cutRequestID splits a line of an execution log: aws-facts part 3.
func cutRequestID(text string) (id, rest string, ok bool) {
	inner, isPrefixed := strings.CutPrefix(text, "(")
	id, rest, ok = strings.Cut(inner, ") ")
	return id, rest, ok && isPrefixed && len(id) == 36
}

// tellsOfFailure marks lines that a person looks for. It is for colour only.
func tellsOfFailure(text string) bool {
	for _, mark := range [...]string{
		"Execution failed due to", "Lambda execution failed", "Method completed with status: 5", "[ERROR]", "Task timed out after",
		"Unhandled", "Traceback (most recent call last)", "Runtime.ExitError", "is not authorized to perform",
	} {
		if strings.Contains(text, mark) {
			return true
		}
	}
	return false
}

func isNoGroup(err error) bool {
	var missing *logtypes.ResourceNotFoundException
	return errors.As(err, &missing)
}

// seenRequest is one request as the execution log of a stage tells it.
type seenRequest struct {
	ID, Verb, Path, Status string
	At                     time.Time
	Took                   time.Duration // between the first line and the last
	Failure                string        // the sentence that ended it, "" where none did
}

// Bad reports whether it ended in an error of the server.
func (s *seenRequest) Bad() bool { return s.Failure != "" || strings.HasPrefix(s.Status, "5") }

// seenRequests finds the requests among the lines of an execution log, the
// newest first. The lines come in any order.
func seenRequests(events []logtypes.FilteredLogEvent) []seenRequest {
	events = slices.Clone(events)
	slices.SortStableFunc(events, func(a, b logtypes.FilteredLogEvent) int {
		return cmp.Compare(aws.ToInt64(a.Timestamp), aws.ToInt64(b.Timestamp))
	})
	index := map[string]int{}
	var found []seenRequest
	for _, e := range events {
		id, text, ok := cutRequestID(aws.ToString(e.Message))
		if !ok {
			continue
		}
		at := time.UnixMilli(aws.ToInt64(e.Timestamp)).UTC()
		i, known := index[id]
		if !known {
			i = len(found)
			index[id] = i
			found = append(found, seenRequest{ID: id, At: at})
		}
		found[i].line(text, at)
	}
	slices.SortStableFunc(found, func(a, b seenRequest) int { return b.At.Compare(a.At) })
	return found
}

func (s *seenRequest) line(text string, at time.Time) {
	s.Took = at.Sub(s.At)
	if rest, ok := strings.CutPrefix(text, "HTTP Method: "); ok {
		s.Verb, rest, _ = strings.Cut(rest, ", ")
		s.Path = strings.TrimSpace(strings.TrimPrefix(rest, "Resource Path: "))
	}
	if rest, ok := strings.CutPrefix(text, "Method completed with status: "); ok {
		s.Status = strings.TrimSpace(rest)
	}
	if strings.HasPrefix(text, "Execution failed due to") || strings.HasPrefix(text, "Lambda execution failed") {
		s.Failure = strings.TrimSpace(text)
	}
}

// sourcesOf are the groups in which requests of a stage leave lines. The
// functions are those that the stage's methods resolve to.
func sourcesOf(api, stage string, access *gatewaytypes.AccessLogSettings, cells []Cell) requestSources {
	from := requestSources{Execution: executionGroup(api, stage)}
	if access != nil {
		from.Access = groupOfARN(aws.ToString(access.DestinationArn))
	}
	for i := range cells {
		name, _ := functionOfARN(cells[i].Function)
		if group := functionGroup(name); cells[i].Stage == stage && name != "" && !slices.Contains(from.Functions, group) {
			from.Functions = append(from.Functions, group)
		}
	}
	return from
}

// functionOfARN takes name and qualifier out of the ARN of a function.
func functionOfARN(arn string) (name, qualifier string) {
	parts := strings.SplitN(arn, ":", 8)
	if len(parts) < 7 {
		return "", ""
	}
	if len(parts) == 8 {
		qualifier = parts[7]
	}
	return parts[6], qualifier
}
