package console

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

func logRoutes() []route {
	return []route{
		{path: "logs", get: logsPage, nav: "Logs", icon: "logs"},
		{path: "logs/group", get: logGroupPage},
		{path: "logs/tail", raw: logTail},
		{path: "logs/request", get: requestPage},
	}
}

func logGroupURL(group string) string { return Prefix + "logs/group?" + query("name", group) }

// tailURL is the stream of the lines of a group from a time on.
func tailURL(group, pattern string, from time.Time) string {
	return Prefix + "logs/tail?" + query("name", group, "pattern", pattern, "from", strconv.FormatInt(from.UnixMilli(), 10))
}

func requestURL(api, stage, id string) string {
	return Prefix + "logs/request?" + query("api", api, "stage", stage, "id", id)
}

// groupsShown bounds the list of log groups; a search narrows it.
const groupsShown = 200

// logList is every log group, or the logs of one stage.
type logList struct {
	Find   string
	Groups []logGroup
	More   bool
	Empty  *emptyState

	API, APIName, Stage string
	Requests            []seenRequest
	LoggingOff          bool
}

// logGroup is one log group in a list.
type logGroup struct {
	Name, URL string
	Kind      string // "execution", "function" or ""
	Bytes     int64
	Retention int // days; 0: for good
	Created   time.Time
}

func logsPage(v *visit) (*page, error) {
	if v.value("api") != "" {
		return stageLogs(v)
	}
	list := &logList{Find: v.value("find")}
	in := &cloudwatchlogs.DescribeLogGroupsInput{}
	if list.Find != "" {
		in.LogGroupNamePattern = &list.Find
	}
	for {
		out, err := v.logs().DescribeLogGroups(v.ctx(), in)
		if err != nil {
			return nil, err
		}
		for i := range out.LogGroups {
			list.Groups = append(list.Groups, newLogGroup(&out.LogGroups[i]))
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
		if len(list.Groups) >= groupsShown {
			list.More = true
			break
		}
	}
	if len(list.Groups) == 0 && list.Find == "" {
		list.Empty = &emptyState{
			Icon: "logs", Title: "No log yet",
			Sentence: "Each function gets a log group when it first runs. API Gateway writes one for each stage whose execution logging is on, which a stage's settings switch on.",
		}
	}
	return &page{
		Title: "Logs", Section: "logs", Template: "logs", Body: list,
		Lead: "What functions print and what API Gateway writes about each request.",
	}, nil
}

func newLogGroup(g *logtypes.LogGroup) logGroup {
	name := aws.ToString(g.LogGroupName)
	out := logGroup{
		Name: name, URL: logGroupURL(name), Bytes: aws.ToInt64(g.StoredBytes), Retention: int(aws.ToInt32(g.RetentionInDays)),
		Created: time.UnixMilli(aws.ToInt64(g.CreationTime)).UTC(),
	}
	switch {
	case strings.HasPrefix(name, "API-Gateway-Execution-Logs_"):
		out.Kind = "execution"
	case strings.HasPrefix(name, "/aws/lambda/"):
		out.Kind = "function"
	}
	return out
}

// requestsRead is how many lines of the execution log the list of a stage's
// requests is made of.
const requestsRead = 2000

// stageLogs lists the newest requests of a stage.
func stageLogs(v *visit) (*page, error) {
	list := &logList{API: v.value("api"), Stage: v.value("stage"), Find: v.value("find")}
	api, err := v.apis().GetRestApi(v.ctx(), &apigateway.GetRestApiInput{RestApiId: &list.API})
	if err != nil {
		return nil, err
	}
	list.APIName = aws.ToString(api.Name)
	stage, err := v.apis().GetStage(v.ctx(), &apigateway.GetStageInput{RestApiId: &list.API, StageName: &list.Stage})
	if err != nil {
		return nil, err
	}
	list.LoggingOff = true
	for _, s := range stage.MethodSettings {
		if level := aws.ToString(s.LoggingLevel); level != "" && level != "OFF" {
			list.LoggingOff = false
		}
	}
	from := sourcesOf(list.API, list.Stage, stage.AccessLogSettings, v.matrix(list.API))
	for _, name := range slices.Concat([]string{from.Execution, from.Access}, from.Functions) {
		if name != "" {
			list.Groups = append(list.Groups, newLogGroup(&logtypes.LogGroup{LogGroupName: &name}))
		}
	}
	in := &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &from.Execution, StartFromHead: aws.Bool(false), Limit: aws.Int32(requestsRead)}
	if list.Find != "" {
		in.FilterPattern = aws.String(patternOf(list.Find))
	}
	out, err := v.logs().FilterLogEvents(v.ctx(), in)
	if err != nil && !isNoGroup(err) {
		return nil, err
	}
	if err == nil {
		list.Requests = seenRequests(out.Events)
	}
	return &page{
		Title: "Logs of " + list.Stage, Section: "logs", Template: "logs-stage", Body: list,
		Crumbs: []crumb{{"Overview", overviewURL()}, {list.APIName, apiURL(list.API)}, {"Stage " + list.Stage, stageURL(list.API, list.Stage)}},
		Lead:   "The newest requests as the execution log tells them. Open one to see all its lines together.",
	}, nil
}

// logSearch is a search in one group.
type logSearch struct {
	Name    string
	Pattern string
	Since   string
	Lines   []logLine
	More    bool
	Tail    bool   // new lines are appended as they come
	Live    string // address of the stream, "" without Tail
	Periods []period
}

// StopURL is the same search without following.
func (s *logSearch) StopURL() string {
	return Prefix + "logs/group?" + query("name", s.Name, "pattern", s.Pattern, "since", s.Since)
}

// period is a choice of how far back to search.
type period struct {
	Value, Label string
	length       time.Duration
}

func periods() []period {
	return []period{
		{"5m", "5 minutes", 5 * time.Minute}, {"1h", "1 hour", time.Hour}, {"24h", "24 hours", 24 * time.Hour},
		{"7d", "7 days", 7 * 24 * time.Hour}, {"all", "Everything", 0},
	}
}

// linesShown bounds how many lines a search shows: the newest.
const linesShown = 500

func logGroupPage(v *visit) (*page, error) {
	search := &logSearch{
		Name: v.value("name"), Pattern: v.value("pattern"), Since: cmp.Or(v.value("since"), "24h"),
		Tail: v.value("tail") != "", Periods: periods(),
	}
	in := &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &search.Name, StartFromHead: aws.Bool(false), Limit: aws.Int32(linesShown)}
	if search.Pattern != "" {
		in.FilterPattern = aws.String(patternOf(search.Pattern))
	}
	for _, p := range search.Periods {
		if p.Value == search.Since && p.length > 0 {
			in.StartTime = aws.Int64(v.now().Add(-p.length).UnixMilli())
		}
	}
	out, err := v.logs().FilterLogEvents(v.ctx(), in)
	if err != nil {
		return nil, err
	}
	search.Lines, search.More = linesOf(search.Name, out.Events), out.NextToken != nil
	slices.SortStableFunc(search.Lines, func(a, b logLine) int { return a.At.Compare(b.At) })
	if search.Tail {
		// From behind the newest line that is shown; lines that arrive late
		// are looked for a little before now.
		from := v.now().Add(-tailOverlap)
		if n := len(search.Lines); n > 0 && search.Lines[n-1].At.After(from) {
			from = search.Lines[n-1].At.Add(time.Millisecond)
		}
		search.Live = tailURL(search.Name, search.Pattern, from)
	}
	return &page{
		Title: search.Name, Section: "logs", Template: "logs-group", Body: search, Wide: true,
		Crumbs: []crumb{{"Logs", Prefix + "logs"}},
	}, nil
}

func linesOf(group string, events []logtypes.FilteredLogEvent) []logLine {
	lines := make([]logLine, 0, len(events))
	for _, e := range events {
		text := strings.TrimRight(aws.ToString(e.Message), "\n")
		lines = append(lines, logLine{
			At: time.UnixMilli(aws.ToInt64(e.Timestamp)).UTC(), Group: group, Stream: aws.ToString(e.LogStreamName),
			Text: text, Bad: tellsOfFailure(text),
		})
	}
	return lines
}

// Request is the address of all the lines of the request that a line belongs
// to; "" where the line does not tell.
func (l logLine) Request() string {
	rest, ok := strings.CutPrefix(l.Group, "API-Gateway-Execution-Logs_")
	id, _, isRequest := cutRequestID(l.Text)
	api, stage, _ := strings.Cut(rest, "/")
	if !ok || !isRequest {
		return ""
	}
	return requestURL(api, stage, id)
}

// patternOf takes what a person typed for a filter pattern where it looks like
// one, and for a text to find otherwise: the pattern language takes a comma or
// a colon without quotation marks for an error.
func patternOf(text string) string {
	if strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[") || strings.ContainsAny(text, `"?%`) {
		return text
	}
	return quotedPattern(text)
}

// tailInterval is how often a tail looks for new lines, tailOverlap how far it
// looks back for lines that arrived late, tailMost how many lines one tail
// appends before the page has to be loaded anew.
const (
	tailInterval = 500 * time.Millisecond
	tailOverlap  = 5 * time.Second
	tailSince    = time.Minute
	tailMost     = 5000
)

// logTail streams the lines of a group as they come.
func logTail(v *visit, w http.ResponseWriter) error {
	name, pattern := v.value("name"), v.value("pattern")
	from := v.tailFrom()
	in := &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &name, StartTime: &from}
	if pattern != "" {
		in.FilterPattern = aws.String(patternOf(pattern))
	}
	// A group that is not there, or a pattern that is none, is an error before
	// the first byte.
	if _, err := v.logs().FilterLogEvents(v.ctx(), in); err != nil && !isNoGroup(err) {
		return err
	}
	s, err := v.stream(w)
	if err != nil {
		return err
	}
	defer s.close()
	wake := make(chan struct{}, 1)
	tick := time.AfterFunc(0, func() { wake <- struct{}{} })
	defer tick.Stop()
	follower := follower{seen: map[string]int64{}, from: from}
	for sent := 0; sent < tailMost && s.wait(wake); tick.Reset(tailInterval) {
		events, err := follower.next(v, in)
		if err != nil {
			return err
		}
		if len(events) == 0 {
			continue
		}
		sent += len(events)
		p := &page{Template: "logs-group", Body: &logSearch{Name: name, Lines: linesOf(name, events)}}
		if err := s.render(p, "log-lines"); err != nil {
			return err
		}
	}
	return nil
}

// tailFrom is when the page that asks was made, so that nothing is lost between
// it and its stream; a stream that is asked for again much later begins now.
func (v *visit) tailFrom() int64 {
	now := v.now().UnixMilli()
	from, err := strconv.ParseInt(v.value("from"), 10, 64)
	if err != nil || from > now || now-from > tailSince.Milliseconds() {
		return now
	}
	return from
}

// follower remembers which events were delivered: events of one millisecond
// come in any order, and some arrive late.
type follower struct {
	from int64
	seen map[string]int64
}

func (f *follower) next(v *visit, in *cloudwatchlogs.FilterLogEventsInput) ([]logtypes.FilteredLogEvent, error) {
	in.StartTime, in.NextToken = aws.Int64(f.from), nil
	var fresh []logtypes.FilteredLogEvent
	newest := f.from
	for {
		out, err := v.logs().FilterLogEvents(v.ctx(), in)
		if isNoGroup(err) {
			return nil, nil // not yet there: the function has not run
		}
		if err != nil {
			return nil, err
		}
		for _, e := range out.Events {
			id, at := aws.ToString(e.EventId), aws.ToInt64(e.Timestamp)
			if _, known := f.seen[id]; known {
				continue
			}
			f.seen[id] = at
			fresh = append(fresh, e)
			newest = max(newest, at)
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	// The window moves on behind the newest event; what lies before it is
	// forgotten.
	f.from = max(f.from, newest-tailOverlap.Milliseconds())
	for id, at := range f.seen {
		if at < f.from {
			delete(f.seen, id)
		}
	}
	return fresh, nil
}

// requestView is one request's lines.
type requestView struct {
	*requestLog
	API, APIName, Stage string
	StageURL            string
	Refusal             string // the id of the refusal that ended it, "" where none did
	Took                time.Duration
}

func requestPage(v *visit) (*page, error) {
	api, stage, id := v.value("api"), v.value("stage"), v.value("id")
	if id == "" || len(id) > 128 || strings.ContainsAny(id, "\r\n") {
		return nil, &problem{Status: http.StatusBadRequest, Title: "Which request?", Sentence: "The address names no request id.", To: Prefix + "logs"}
	}
	found, err := v.apis().GetRestApi(v.ctx(), &apigateway.GetRestApiInput{RestApiId: &api})
	if err != nil {
		return nil, err
	}
	out, err := v.apis().GetStage(v.ctx(), &apigateway.GetStageInput{RestApiId: &api, StageName: &stage})
	if err != nil {
		return nil, err
	}
	lines, err := readRequest(v.ctx(), v.logs(), id, sourcesOf(api, stage, out.AccessLogSettings, v.matrix(api)))
	if err != nil {
		return nil, err
	}
	view := &requestView{requestLog: lines, API: api, APIName: aws.ToString(found.Name), Stage: stage, StageURL: stageURL(api, stage)}
	if n := len(lines.Lines); n > 0 {
		view.Took = lines.Lines[n-1].At.Sub(lines.Lines[0].At)
	}
	if d, err := v.c.o.Journal.Decision(v.ctx(), id); err == nil && d.Account == v.s.Account {
		view.Refusal = d.ID
	}
	return &page{
		Title: "Request", Section: "logs", Template: "logs-request", Body: view, Wide: true,
		Crumbs: []crumb{{view.APIName, apiURL(api)}, {"Stage " + stage, view.StageURL}, {"Logs", logsURL(api, stage)}},
	}, nil
}

// functionGroup is the log group of a function unless its configuration names
// another.
func functionGroup(name string) string { return "/aws/lambda/" + name }

// groupOfARN is the name in the ARN of a log group ("…:log-group:NAME:*").
func groupOfARN(arn string) string {
	_, name, _ := strings.Cut(arn, ":log-group:")
	return strings.TrimSuffix(name, ":*")
}

// pathOf is the path of an address on this server, "" for one elsewhere.
func pathOf(address, endpoint string) string {
	u, err := url.Parse(address)
	base, baseErr := url.Parse(endpoint)
	if err != nil || baseErr != nil || u.Host != base.Host {
		return ""
	}
	return u.RequestURI()
}
