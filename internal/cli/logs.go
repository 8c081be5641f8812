package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"sort"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"
	"github.com/spf13/cobra"

	"github.com/stagedoor/stagedoor"
)

// newLogs prints log events through CloudWatch Logs' own operations.
func newLogs(env *Environment) *cobra.Command {
	var (
		endpoint, region string
		show             tail
		since            time.Duration
	)
	cmd := &cobra.Command{
		Use:   "logs [GROUP-PREFIX]",
		Short: "Print the logs of functions and stages, together and in order",
		Long: `Prints what functions wrote (/aws/lambda/NAME) and what API Gateway logged
(API-Gateway-Execution-Logs_API/STAGE), in the order of time. A prefix limits
it to some log groups.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := fromEnvironment(cmd.Flags(), env.Getenv); err != nil {
				return err
			}
			if len(args) == 1 {
				show.prefix = args[0]
			}
			show.out = env.Stdout
			show.from = time.Now().Add(-since).UnixMilli()
			show.client = cloudwatchlogs.New(cloudwatchlogs.Options{
				Region:       region,
				BaseEndpoint: &endpoint,
				Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
				Retryer:      aws.NopRetryer{},
			})
			return show.run(cmd.Context(), endpoint)
		},
	}
	addEndpoint(cmd, &endpoint)
	cmd.Flags().StringVar(&region, "region", stagedoor.DefaultRegion, "the region (STAGEDOOR_REGION)")
	cmd.Flags().BoolVarP(&show.follow, "follow", "f", false, "go on printing until Ctrl-C")
	cmd.Flags().StringVar(&show.pattern, "filter", "", "a CloudWatch filter pattern: only events that match it")
	cmd.Flags().DurationVar(&since, "since", 10*time.Minute, "how far back to begin")
	return cmd
}

// tail reads the events of all groups below prefix.
type tail struct {
	client  *cloudwatchlogs.Client
	out     io.Writer
	prefix  string
	pattern string
	follow  bool
	from    int64 // Unix time in milliseconds: older events are left out

	// printed holds the ids of the events at or after from: an event may come
	// later than another of the same or a slightly later time.
	printed map[string]int64
}

// How often a followed log is asked for more, and how late an event may come
// and still be printed.
const (
	followEvery = 250 * time.Millisecond
	lateness    = 5 * time.Second
)

type event struct {
	group string
	types.FilteredLogEvent
}

func (t *tail) run(ctx context.Context, endpoint string) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	t.printed = map[string]int64{}
	for {
		err := t.once(ctx)
		switch {
		case t.follow && ctx.Err() != nil:
			return nil // Ctrl-C is how following ends
		case errors.Is(err, syscall.ECONNREFUSED):
			return notRunning(endpoint)
		case err != nil:
			return plain(err)
		case !t.follow:
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(followEvery):
		}
	}
}

// plain is what the server said, without the SDK's account of the request.
func plain(err error) error {
	if said, ok := errors.AsType[smithy.APIError](err); ok {
		return fmt.Errorf("%s: %s", said.ErrorCode(), said.ErrorMessage())
	}
	return err
}

// once prints what is new since the last time.
func (t *tail) once(ctx context.Context) error {
	events, err := t.fresh(ctx)
	if err != nil {
		return err
	}
	sort.SliceStable(events, func(i, j int) bool { return *events[i].Timestamp < *events[j].Timestamp })
	for _, e := range events {
		stamp := time.UnixMilli(*e.Timestamp).Local().Format("15:04:05.000")
		line := strings.TrimRight(aws.ToString(e.Message), "\r\n")
		if _, err := fmt.Fprintf(t.out, "%s  %s  %s\n", stamp, e.group, line); err != nil {
			return err
		}
		t.from = max(t.from, *e.Timestamp-lateness.Milliseconds())
	}
	for id, at := range t.printed {
		if at < t.from {
			delete(t.printed, id)
		}
	}
	return nil
}

func (t *tail) fresh(ctx context.Context) ([]event, error) {
	var events []event
	groups := cloudwatchlogs.NewDescribeLogGroupsPaginator(t.client, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: optional(t.prefix)})
	for groups.HasMorePages() {
		page, err := groups.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, group := range page.LogGroups {
			found, err := t.group(ctx, *group.LogGroupName)
			if err != nil {
				return nil, err
			}
			events = append(events, found...)
		}
	}
	return events, nil
}

func (t *tail) group(ctx context.Context, name string) ([]event, error) {
	var events []event
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(t.client, &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: &name, StartTime: &t.from, FilterPattern: optional(t.pattern),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		var gone *types.ResourceNotFoundException
		if errors.As(err, &gone) {
			return nil, nil // deleted meanwhile
		}
		if err != nil {
			return nil, err
		}
		for _, e := range page.Events {
			if _, seen := t.printed[*e.EventId]; !seen {
				t.printed[*e.EventId] = *e.Timestamp
				events = append(events, event{group: name, FilteredLogEvent: e})
			}
		}
	}
	return events, nil
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
