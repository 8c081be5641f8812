package logs

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/stagedoor/stagedoor/internal/logs"
	"github.com/stagedoor/stagedoor/internal/state"
)

// Limits of one PutLogEvents (API reference).
const (
	maxUpload     = 1048576 // bytes of a batch, and of an event
	eventOverhead = 26      // bytes counted for each event beside its message
	maxAge        = 14 * 24 * time.Hour
	maxAhead      = 2 * time.Hour
	maxSpan       = 24 * time.Hour
	maxPage       = 1 << 20 // bytes of messages in one answer
	maxEvents     = 10000   // in one answer, and the default
)

// PutLogEvents writes a batch of events to a stream and returns when they are on
// the disk. Events too old or too new are left out and reported.
func (s *Service) PutLogEvents(ctx context.Context, in *cloudwatchlogs.PutLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutLogEventsOutput, error) {
	if err := checkName(in.LogGroupName, in.LogStreamName); err != nil {
		return nil, err
	}
	if err := checkBatch(in.LogEvents); err != nil {
		return nil, err
	}
	p, stream := at(ctx, in.LogGroupName), value(in.LogStreamName)
	group, err := s.existing(ctx, p, stream)
	if err != nil {
		return nil, err
	}
	events, rejected := s.accept(group, in.LogEvents)
	if len(events) > 0 {
		if span := events[len(events)-1].Millis - events[0].Millis; span > maxSpan.Milliseconds() {
			// As reported from AWS in moby/moby #41529.
			return nil, invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
		}
		if err := s.logs.Put(ctx, p.account, p.region, p.group, stream, events); err != nil {
			return nil, err
		}
	}
	return &cloudwatchlogs.PutLogEventsOutput{
		NextSequenceToken:     new(sequenceToken(s.now().UnixMilli())),
		RejectedLogEventsInfo: rejected,
	}, nil
}

// checkBatch refuses a batch as a whole.
func checkBatch(events []types.InputLogEvent) error {
	total := 0
	for i, e := range events {
		size := len(value(e.Message)) + eventOverhead
		if size > maxUpload {
			// As reported from AWS in maxbanton/cwh #101, whose limit was then 262144.
			return invalid("Log event too large: %d bytes exceeds limit of %d", size, maxUpload)
		}
		total += size
		if i > 0 && *e.Timestamp < *events[i-1].Timestamp {
			// AWS recording test_put_log_events_wrong_order
			return invalid("Log events in a single PutLogEvents request must be in chronological order.")
		}
	}
	if total > maxUpload {
		// As reported from AWS in vectordotdev/vector #2394.
		return invalid("Upload too large: %d bytes exceeds limit of %d", total, maxUpload)
	}
	return nil
}

// existing returns the group's record if group and stream exist.
func (s *Service) existing(ctx context.Context, p place, stream string) (*state.LogGroup, error) {
	group, err := s.get(ctx, p)
	if err != nil {
		return nil, err
	}
	ok, err := s.logs.HasStream(ctx, p.account, p.region, p.group, stream)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, streamNotFound()
	}
	return group, nil
}

// accept divides a batch, which is in chronological order, into what is kept
// and what is reported: AWS recordings test_put_log_events_too_old, …_too_new.
func (s *Service) accept(group *state.LogGroup, batch []types.InputLogEvent) ([]logs.Event, *types.RejectedLogEventsInfo) {
	now := s.now()
	oldest, newest := now.Add(-maxAge).UnixMilli(), now.Add(maxAhead).UnixMilli()
	first, end := 0, len(batch)
	var rejected types.RejectedLogEventsInfo
	for first < end && *batch[first].Timestamp < oldest {
		first++
	}
	if first > 0 {
		rejected.TooOldLogEventEndIndex = new(int32(first))
	}
	if group.RetentionDays > 0 {
		expired := now.AddDate(0, 0, -int(group.RetentionDays)).UnixMilli()
		n := first
		for n < end && *batch[n].Timestamp < expired {
			n++
		}
		if n > first {
			rejected.ExpiredLogEventEndIndex = new(int32(n))
			first = n
		}
	}
	for end > first && *batch[end-1].Timestamp > newest {
		end--
	}
	if end < len(batch) {
		rejected.TooNewLogEventStartIndex = new(int32(end))
	}
	events := make([]logs.Event, 0, end-first)
	for _, e := range batch[first:end] {
		events = append(events, logs.Event{Millis: *e.Timestamp, Message: value(e.Message)})
	}
	if len(events) == len(batch) {
		return events, nil
	}
	return events, &rejected
}

// GetLogEvents returns a page of one stream. Both tokens are always there; at
// either end the token of that direction is the one that was sent.
func (s *Service) GetLogEvents(ctx context.Context, in *cloudwatchlogs.GetLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.GetLogEventsOutput, error) {
	p, err := either(ctx, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	stream := value(in.LogStreamName)
	if _, err := s.existing(ctx, p, stream); err != nil {
		return nil, err
	}
	q := logs.Query{
		Account: p.account, Region: p.region, Group: p.group, Streams: []string{stream},
		After: logs.First(), Before: logs.Last(),
		Limit: pageLimit(in.Limit), MaxBytes: maxPage,
		Backward: in.StartFromHead == nil || !*in.StartFromHead,
	}
	if in.StartTime != nil {
		q.After = logs.AtOrAfter(*in.StartTime)
	}
	if in.EndTime != nil {
		q.Before = logs.BeforeTime(*in.EndTime) // exclusive (API reference)
	}
	from := q.After
	if in.NextToken != nil {
		if q.Backward, from, err = parsePageToken(*in.NextToken); err != nil {
			return nil, err
		}
		narrow(&q, from)
	}
	page, err := s.logs.Query(ctx, q)
	if err != nil {
		return nil, err
	}
	return eventsPage(page, from, in.NextToken != nil && q.Backward), nil
}

// eventsPage makes the answer; from is where an empty page began.
func eventsPage(page *logs.Page, from logs.Position, backward bool) *cloudwatchlogs.GetLogEventsOutput {
	out := &cloudwatchlogs.GetLogEventsOutput{Events: []types.OutputLogEvent{}}
	first, last := from, from
	if n := len(page.Events); n > 0 {
		first, last = page.Events[0].At, page.Events[n-1].At
	} else if backward && page.More {
		first = page.Resume
	} else if page.More {
		last = page.Resume
	}
	out.NextBackwardToken, out.NextForwardToken = new(pageToken("b", first)), new(pageToken("f", last))
	for _, e := range page.Events {
		out.Events = append(out.Events, types.OutputLogEvent{Timestamp: &e.Millis, IngestionTime: &e.IngestionMillis, Message: &e.Message})
	}
	return out
}

// narrow bounds q by the place of a token.
func narrow(q *logs.Query, at logs.Position) {
	if q.Backward && at.Compare(q.Before) < 0 {
		q.Before = at
	}
	if !q.Backward && at.Compare(q.After) > 0 {
		q.After = at
	}
}

func pageLimit(limit *int32) int {
	if limit == nil || *limit <= 0 {
		return maxEvents
	}
	return int(*limit)
}

// FilterLogEvents searches a group, or some of its streams.
func (s *Service) FilterLogEvents(ctx context.Context, in *cloudwatchlogs.FilterLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.FilterLogEventsOutput, error) {
	p, err := either(ctx, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	q := logs.Query{
		Account: p.account, Region: p.region, Group: p.group,
		Streams: in.LogStreamNames, StreamPrefix: value(in.LogStreamNamePrefix),
		After: logs.First(), Before: logs.Last(), Limit: pageLimit(in.Limit), MaxBytes: maxPage,
		Backward: in.StartFromHead != nil && !*in.StartFromHead,
	}
	if len(in.LogStreamNames) > 0 && in.LogStreamNamePrefix != nil {
		// The code is in the API reference; unverified: the text.
		return nil, invalid("LogStream names and LogStream name prefix are mutually exclusive parameters.")
	}
	if q.Match, err = parsePattern(value(in.FilterPattern)); err != nil {
		return nil, err
	}
	if in.StartTime != nil {
		q.After = logs.AtOrAfter(*in.StartTime)
	}
	if in.EndTime != nil {
		q.Before = logs.BeforeTime(*in.EndTime + 1) // inclusive (API reference)
	}
	if in.NextToken != nil {
		var from logs.Position
		if q.Backward, from, err = parseFilterToken(*in.NextToken); err != nil {
			return nil, err
		}
		narrow(&q, from)
	}
	if _, err := s.get(ctx, p); err != nil {
		return nil, err
	}
	// unverified: that one unknown name among logStreamNames refuses the call.
	for _, name := range in.LogStreamNames {
		if _, err := s.existing(ctx, p, name); err != nil {
			return nil, err
		}
	}
	page, err := s.logs.Query(ctx, q)
	if err != nil {
		return nil, err
	}
	return filteredPage(page, q.Backward), nil
}

func filteredPage(page *logs.Page, backward bool) *cloudwatchlogs.FilterLogEventsOutput {
	out := &cloudwatchlogs.FilterLogEventsOutput{Events: []types.FilteredLogEvent{}, SearchedLogStreams: []types.SearchedLogStream{}}
	for _, e := range page.Events {
		out.Events = append(out.Events, types.FilteredLogEvent{
			EventId: new(eventID(e.At)), LogStreamName: &e.Stream,
			Timestamp: &e.Millis, IngestionTime: &e.IngestionMillis, Message: &e.Message,
		})
	}
	if backward {
		slices.Reverse(out.Events) // newest first
	}
	if page.More {
		out.NextToken = filterToken(backward, page.Resume)
	}
	return out
}
