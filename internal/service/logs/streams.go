package logs

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/stagedoor/stagedoor/internal/logs"
)

// CreateLogStream makes an empty stream.
func (s *Service) CreateLogStream(ctx context.Context, in *cloudwatchlogs.CreateLogStreamInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogStreamOutput, error) {
	if err := checkName(in.LogGroupName, in.LogStreamName); err != nil {
		return nil, err
	}
	p := at(ctx, in.LogGroupName)
	if _, err := s.get(ctx, p); err != nil {
		return nil, err
	}
	err := s.logs.CreateStream(ctx, p.account, p.region, p.group, value(in.LogStreamName))
	if errors.Is(err, logs.ErrStreamExists) {
		// AWS recording test_create_log_stream_duplicate_error
		return nil, &types.ResourceAlreadyExistsException{Message: new("The specified log stream already exists")}
	}
	if err != nil {
		return nil, err
	}
	return &cloudwatchlogs.CreateLogStreamOutput{}, nil
}

// DeleteLogStream removes a stream with its events.
func (s *Service) DeleteLogStream(ctx context.Context, in *cloudwatchlogs.DeleteLogStreamInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DeleteLogStreamOutput, error) {
	if err := checkName(in.LogGroupName, in.LogStreamName); err != nil {
		return nil, err
	}
	p := at(ctx, in.LogGroupName)
	if _, err := s.get(ctx, p); err != nil {
		return nil, err
	}
	err := s.logs.DeleteStream(ctx, p.account, p.region, p.group, value(in.LogStreamName))
	if errors.Is(err, logs.ErrStreamNotFound) {
		return nil, streamNotFound()
	}
	if err != nil {
		return nil, err
	}
	return &cloudwatchlogs.DeleteLogStreamOutput{}, nil
}

// DescribeLogStreams lists the streams of a group by name or by their last
// event.
func (s *Service) DescribeLogStreams(ctx context.Context, in *cloudwatchlogs.DescribeLogStreamsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DescribeLogStreamsOutput, error) {
	p, err := either(ctx, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	byTime := in.OrderBy == types.OrderByLastEventTime
	if byTime && in.LogStreamNamePrefix != nil {
		// As reported from AWS in turbot/steampipe-plugin-aws #1949.
		return nil, invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
	}
	if _, err := s.get(ctx, p); err != nil {
		return nil, err
	}
	streams, err := s.logs.Streams(ctx, p.account, p.region, p.group)
	if err != nil {
		return nil, err
	}
	streams = slices.DeleteFunc(streams, func(st logs.Stream) bool { return !strings.HasPrefix(st.Name, value(in.LogStreamNamePrefix)) })
	if byTime {
		slices.SortStableFunc(streams, func(a, b logs.Stream) int { return int(min(max(a.LastMillis-b.LastMillis, -1), 1)) })
	}
	if in.Descending != nil && *in.Descending {
		slices.Reverse(streams)
	}
	page, next, err := paged(streams, func(st logs.Stream) string { return st.Name }, in.NextToken, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &cloudwatchlogs.DescribeLogStreamsOutput{LogStreams: []types.LogStream{}, NextToken: next}
	for _, st := range page {
		out.LogStreams = append(out.LogStreams, describeStream(p, st))
	}
	return out, nil
}

func describeStream(p place, st logs.Stream) types.LogStream {
	stream := types.LogStream{
		LogStreamName: &st.Name,
		Arn:           new(p.arn() + ":log-stream:" + st.Name),
		CreationTime:  &st.CreatedMillis,
		StoredBytes:   new(int64(0)), // always 0 since June 2019 (API reference, LogStream)
	}
	if st.IngestionMillis != 0 {
		stream.FirstEventTimestamp, stream.LastEventTimestamp, stream.LastIngestionTime = &st.FirstMillis, &st.LastMillis, &st.IngestionMillis
		stream.UploadSequenceToken = new(sequenceToken(st.IngestionMillis))
	}
	return stream
}
