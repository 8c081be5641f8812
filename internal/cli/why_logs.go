package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/spf13/cobra"

	"github.com/stagedoor/stagedoor/internal/doctor"
	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/target"
	"github.com/stagedoor/stagedoor/internal/why"
)

// eventsRead bounds how much of a log group is read: a busy stage writes
// gigabytes, and the latest failures are what matters.
const eventsRead = 200_000

// whyLogs are the flags of "why --log-group".
type whyLogs struct {
	group  string
	place  target.Place
	since  time.Duration
	asJSON bool
}

func (f *whyLogs) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.group, "log-group", "", "explain the permission failures in the log group `NAME`: an execution log or an access log")
	flags.BoolVar(&f.place.AWS, "aws", false, "with --log-group: the AWS account of the environment's credentials")
	flags.StringVar(&f.place.Profile, "profile", "", "with --log-group: the AWS account of this `NAME` in the aws CLI's configuration")
	flags.StringVar(&f.place.Region, "region", "", "with --log-group: the region")
	flags.DurationVar(&f.since, "since", time.Hour, "with --log-group: how far back to look")
}

// check refuses what makes no sense together. What the environment says of
// the region is no wish of this command.
func (f *whyLogs) check(args []string) error {
	switch {
	case f.group == "" && (f.place.AWS || f.place.Profile != ""):
		return errors.New("an AWS account keeps no refusals but in its logs: name one with --log-group, such as API-Gateway-Execution-Logs_API/STAGE")
	case f.group != "" && len(args) > 0:
		return errors.New("--log-group explains what is in a log; it does not go with an id")
	case f.group != "" && f.since <= 0:
		return fmt.Errorf("--since %s: how far back to look, such as 30m or 24h", f.since)
	}
	return nil
}

// explainedFailure is a failure of a log with everything that may have caused
// it: what --json prints.
type explainedFailure struct {
	why.Failure
	Explanations []explanation `json:"explanations"`
	Note         string        `json:"note,omitempty"` // where there is nothing to explain, or more to know
}

// explanation is one method or authorizer that the failed call may have met, as
// it is now.
type explanation struct {
	API      string           `json:"api"`
	Stage    string           `json:"stage"`
	Method   string           `json:"method"`
	Function string           `json:"function,omitempty"`
	Verdict  doctor.Verdict   `json:"verdict"`
	Decision *grants.Decision `json:"decision,omitempty"` // of a refusal
	Finding  *doctor.Finding  `json:"finding,omitempty"`
}

// logFailures is what --json prints as a whole.
type logFailures struct {
	LogGroup string             `json:"logGroup"`
	Account  string             `json:"account,omitempty"`
	Region   string             `json:"region,omitempty"`
	Since    time.Time          `json:"since"`
	Cut      bool               `json:"cut,omitempty"` // more was logged than was read
	Failures []explainedFailure `json:"failures"`
}

// run reads the log and, where it tells of failures, the place.
func (f *whyLogs) run(ctx context.Context, env *Environment) error {
	config, requests, err := f.place.Config(ctx)
	if err != nil {
		return err
	}
	out := logFailures{LogGroup: f.group, Since: time.Now().Add(-f.since).UTC(), Region: config.Region, Failures: []explainedFailure{}}
	events, cut, err := readGroup(ctx, cloudwatchlogs.NewFromConfig(config), f.group, out.Since)
	if err != nil {
		return f.readError(err, aws.ToString(config.BaseEndpoint))
	}
	out.Cut = cut
	if failures := why.Failures(f.group, events); len(failures) > 0 {
		bar := newProgress(env.Stderr)
		d, err := target.Read(ctx, target.FromConfig(config, requests), target.Options{Wanted: doctor.Wanted(callersOf(failures)), Progress: bar.show})
		bar.clear()
		if err != nil {
			return err
		}
		out.Account = d.Account
		out.Failures = explainFailures(d, f.group, failures)
	}
	if f.asJSON {
		return printJSON(env, &out)
	}
	return out.print(env)
}

func (f *whyLogs) readError(err error, endpoint string) error {
	if errors.Is(err, syscall.ECONNREFUSED) {
		return notRunning(endpoint)
	}
	if gone, ok := errors.AsType[*types.ResourceNotFoundException](err); ok {
		return fmt.Errorf("there is no log group %s (%s); a stage's execution log is API-Gateway-Execution-Logs_API/STAGE, and it is there once the stage logs and was called", f.group, gone.ErrorMessage())
	}
	return plain(err)
}

// readGroup reads the events of a group since then, at most eventsRead.
func readGroup(ctx context.Context, client cloudwatchlogs.FilterLogEventsAPIClient, group string, since time.Time) (events []why.LogEvent, cut bool, err error) {
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(client, &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: &group, StartTime: aws.Int64(since.UnixMilli()),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, false, err
		}
		for i := range page.Events {
			e := &page.Events[i]
			events = append(events, why.LogEvent{Time: time.UnixMilli(aws.ToInt64(e.Timestamp)).UTC(), Message: aws.ToString(e.Message)})
		}
		if len(events) >= eventsRead {
			return events, pages.HasMorePages(), nil
		}
	}
	return events, false, nil
}

// explainFailures asks for each failure what doctor says of the methods that it
// may have met. A status without a reason counts only where doctor has one.
func explainFailures(d *target.Dump, group string, failures []why.Failure) []explainedFailure {
	report := doctor.Examine(d, doctor.Options{})
	stages := doctor.LoggingTo(d, group)
	out := []explainedFailure{}
	for i := range failures {
		x := explainedFailure{Failure: failures[i], Explanations: []explanation{}}
		if r, ok := failures[i].RefusedCaller(); ok {
			if found, note := explainCaller(d, &failures[i], &r); found != nil {
				x.Explanations, x.Note = found, note
			} else {
				x.Note = note
			}
			out = append(out, x)
			continue
		}
		for _, l := range loggedCalls(&failures[i], stages) {
			for _, c := range report.Logged(l) {
				x.Explanations = append(x.Explanations, explainCell(report, c, &failures[i]))
			}
		}
		if x.settle() {
			out = append(out, x)
		}
	}
	return out
}

// loggedCalls are the calls that a failure may stand for: one, or one on each
// stage that logs to the group where the line names none.
func loggedCalls(f *why.Failure, stages []doctor.StageOf) []doctor.Logged {
	if f.Kind == why.NoCaller && !strings.Contains(f.Message, "lambda:InvokeFunction") {
		return nil // who calls the API is not what the matrix is about
	}
	l := doctor.Logged{API: f.API, Stage: f.Stage, Method: f.Method, Verb: f.Verb, Path: f.Path, SourceARN: f.SourceARN}
	if f.Kind == why.NoAuthorizer {
		l.Authorizer, l.OfAuthorizer = f.Authorizer, true
	}
	if l.API != "" {
		return []doctor.Logged{l}
	}
	var out []doctor.Logged
	for _, s := range stages {
		if l.Stage == "" || l.Stage == s.Stage {
			on := l
			on.API, on.Stage = s.API, s.Stage
			out = append(out, on)
		}
	}
	return out
}

func explainCell(r *doctor.Report, c *doctor.Cell, f *why.Failure) explanation {
	x := explanation{API: c.API, Stage: c.Stage, Method: c.Method, Function: c.Function, Verdict: c.Verdict, Finding: r.FindingOf(c)}
	if c.Decision == nil {
		return x
	}
	d := *c.Decision
	d.Time, d.LastTime, d.Count, d.RequestIDs = f.First, f.Last, f.Count, f.RequestIDs
	if len(f.RequestIDs) > 0 {
		d.RequestID = f.RequestIDs[len(f.RequestIDs)-1]
	}
	if x.Finding != nil {
		d.Fix = x.Finding.Fix // brought into the shape that authorizers and routes need
	}
	x.Decision = &d
	return x
}

// settle says what there is to say beside the explanations; false where the
// failure is none of a permission, as far as anybody can tell.
func (x *explainedFailure) settle() bool {
	failing := 0
	for i := range x.Explanations {
		if x.Explanations[i].Verdict != doctor.Passes {
			failing++
		}
	}
	switch {
	case failing > 0:
		kept := x.Explanations[:0]
		for _, e := range x.Explanations {
			if e.Verdict != doctor.Passes {
				kept = append(kept, e)
			}
		}
		x.Explanations = kept
		if failing > 1 {
			x.Note = "The log does not tell which of these it was."
		}
	case x.Kind == why.Status:
		return false
	case x.Kind == why.NoCaller:
		x.Note = "A Lambda authorizer decides this, or a policy that the log does not name. \"stagedoor doctor --caller ROLE-ARN\" says which methods a role may call."
	case len(x.Explanations) > 0:
		x.Note = "It would be allowed now: what decides it was changed after the failure."
	default:
		x.Note = "No method of this account and region fits any more, or the log does not name the API: give the log a format with $context.apiId, $context.stage, $context.httpMethod and $context.resourcePath."
	}
	return true
}

func (out *logFailures) print(env *Environment) error {
	if len(out.Failures) == 0 {
		_, err := fmt.Fprintf(env.Stdout, "No permission failure in %s since %s.\n", out.LogGroup, out.Since.Format("2006-01-02 15:04 UTC"))
		return errors.Join(err, out.printCut(env))
	}
	for i := range out.Failures {
		if err := out.Failures[i].print(env); err != nil {
			return err
		}
	}
	return out.printCut(env)
}

func (out *logFailures) printCut(env *Environment) error {
	if !out.Cut {
		return nil
	}
	_, err := fmt.Fprintf(env.Stdout, "Only the first %d events were read: look at a shorter time with --since.\n", eventsRead)
	return err
}

func (x *explainedFailure) print(env *Environment) error {
	if err := why.PrintFailure(env.Stdout, &x.Failure); err != nil {
		return err
	}
	for i := range x.Explanations {
		e := &x.Explanations[i]
		var err error
		switch {
		case e.Decision != nil:
			err = why.Print(env.Stdout, e.Decision)
		case e.Finding != nil:
			shown := e.Finding.Shown()
			err = why.PrintFinding(env.Stdout, &shown)
		}
		if err != nil {
			return err
		}
	}
	if x.Note == "" {
		return nil
	}
	return why.PrintNote(env.Stdout, x.Note)
}
