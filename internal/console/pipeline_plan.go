package console

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"github.com/stagedoor/stagedoor/internal/promote"
	"github.com/stagedoor/stagedoor/internal/target"
)

// planView is a promotion or a rollback before it is done.
type planView struct {
	API, APIName string
	*promote.Plan
	Options  planOptions
	Digest   string // of what is shown
	Rollback bool
	Locked   string // who holds the stage; the plan could not be made then
	TakeOver string // address that takes over
	FixURL   string // address that plans with the missing grants
	Moves    []functionMove
	Verb     string // "Promote" or "Roll back"
}

// planOptions are what a person may choose, as the form sends them.
type planOptions struct {
	From, To  string
	Rollback  string // the stage to roll back; "" promotes
	ID        string // of the promotion to roll back to before
	Fix       bool
	Canary    string // percent
	Bake      string // "5m"
	Probes    string // one a line
	Variables string // NAME=VALUE, one a line
	TakeOver  bool
}

// functionMove is a line of what happens to a function.
type functionMove struct {
	promote.FunctionMove
	Name, URL, SourceName string
}

func (v *visit) planOptions() planOptions {
	return planOptions{
		From: v.value("from"), To: v.value("to"), Rollback: v.value("rollback"), ID: v.value("id"), Fix: v.value("fix") != "",
		Canary: v.value("canary"), Bake: v.value("bake"), Probes: v.r.FormValue("probes"), Variables: v.r.FormValue("variables"),
		TakeOver: v.value("takeover") != "",
	}
}

// planPage shows what would move, with doctor's verdict on the state after it.
// It reads and changes nothing.
func planPage(v *visit) (*page, error) {
	view := &planView{API: v.value("api"), Options: v.planOptions(), FixURL: with(v.r.URL.RequestURI(), "fix", "1")}
	plan, err := v.plan(view.API, &view.Options)
	var locked *promote.LockedError
	switch {
	case errors.As(err, &locked):
		view.Locked, view.TakeOver = locked.Holder+", until "+stamp(locked.Until)+" unless it is renewed", with(v.r.URL.RequestURI(), "takeover", "1")
	case err != nil:
		return nil, pipelineError(err, view.API)
	default:
		view.show(plan)
	}
	title := view.Options.From + " to " + view.Options.To
	if view.Rollback = view.Options.Rollback != ""; view.Rollback {
		title = "Roll back " + view.Options.Rollback
	}
	p := &page{Title: title, Section: "pipeline", Template: "pipeline-plan", Body: view, Crumbs: []crumb{{"Pipeline", pipelineURL(view.API)}}}
	if view.APIName != "" {
		p.Crumbs = []crumb{{"Overview", overviewURL()}, {view.APIName, apiURL(view.API)}, {"Pipeline", pipelineURL(view.API)}}
	}
	return p, nil
}

func (p *planView) show(plan *promote.Plan) {
	p.Plan, p.API, p.APIName, p.Digest, p.Verb = plan, plan.API, plan.APIName, planDigest(plan), "Promote"
	if p.Options.Rollback != "" {
		p.Verb = "Roll back"
	}
	for i := range plan.Problems {
		if strings.HasPrefix(plan.Problems[i].Remedy, "--fix") {
			plan.Problems[i].Remedy = "" // the page has a button for it
		}
	}
	for _, f := range plan.Functions {
		name, _ := functionOfARN(f.Function)
		source, qualifier := functionOfARN(f.Source)
		p.Moves = append(p.Moves, functionMove{FunctionMove: f, Name: name, URL: functionURL(name), SourceName: qualifiedName(source, qualifier)})
	}
}

// plan works out what the options ask for.
func (v *visit) plan(api string, o *planOptions) (*promote.Plan, error) {
	if o.Rollback != "" {
		if err := v.haveStages(api, o.Rollback); err != nil {
			return nil, err
		}
		plan, err := promote.Rollback(v.ctx(), v.promoter(), promote.RollbackRequest{
			API: api, Stage: o.Rollback, ID: o.ID, TakeOver: o.TakeOver, Caller: v.caller(),
		})
		return plan, v.planError(err, rollbackURL(api, o.Rollback, o.ID))
	}
	request, err := o.request(api)
	if err != nil {
		return nil, unplannable(err, planURL(api, o.From, o.To))
	}
	if err := v.haveStages(api, o.From, o.To); err != nil {
		return nil, err
	}
	request.Caller = v.caller()
	plan, err := promote.NewPlan(v.ctx(), v.promoter(), *request)
	return plan, v.planError(err, planURL(api, o.From, o.To))
}

// planError leaves the errors that are pages of their own as they are; the
// others are sentences about what cannot be planned.
func (v *visit) planError(err error, to string) error {
	var refused smithy.APIError
	var locked *promote.LockedError
	var unknown *target.Unknown
	if err == nil || errors.As(err, &refused) || errors.As(err, &locked) || errors.As(err, &unknown) || errors.Is(err, promote.ErrNothing) || v.ctx().Err() != nil {
		return err
	}
	return unplannable(err, to)
}

// unplannable says why there is no plan.
func unplannable(err error, to string) error {
	return &problem{
		Status: http.StatusUnprocessableEntity, Title: "This cannot be planned", Sentence: err.Error() + ". Nothing was changed.", To: to,
	}
}

// haveStages makes sure that an API has the stages.
func (v *visit) haveStages(api string, names ...string) error {
	stages, err := v.stages(v.ctx(), api)
	if err != nil {
		return err
	}
	var there []string
	for i := range stages {
		there = append(there, aws.ToString(stages[i].StageName))
	}
	for _, name := range names {
		if !slices.Contains(there, name) {
			return &target.Unknown{What: "stage", Name: name, Where: "API " + api, There: there}
		}
	}
	return nil
}

// caller is who promotes, for the lock and the history.
func (v *visit) caller() promote.Caller {
	return promote.Caller{Name: v.s.Name() + "@console", PID: os.Getpid()}
}

// request reads the options; its errors are a clause for a person.
func (o *planOptions) request(api string) (*promote.Request, error) {
	r := &promote.Request{API: api, From: o.From, To: o.To, Fix: o.Fix, TakeOver: o.TakeOver, Set: map[string]string{}}
	if o.Canary != "" {
		percent, err := strconv.ParseFloat(strings.TrimSuffix(o.Canary, "%"), 64)
		if err != nil || !(percent >= 0 && percent < 100) {
			return nil, errors.New("the share of the canary is a number from 0 to less than 100")
		}
		r.Canary = percent
	}
	if o.Bake != "" {
		bake, err := time.ParseDuration(o.Bake)
		if err != nil || bake < 0 || bake > 24*time.Hour {
			return nil, errors.New("the time to watch is written like 90s or 5m")
		}
		r.Bake = bake
	}
	if r.Bake > 0 {
		limit, err := promote.ParseThreshold("5xx>1%")
		if err != nil {
			return nil, err
		}
		r.AbortOn = append(r.AbortOn, limit)
	}
	for line := range strings.Lines(o.Probes) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		probe, err := promote.ParseProbe(line)
		if err != nil {
			return nil, err
		}
		r.Probes = append(r.Probes, probe)
	}
	for line := range strings.Lines(o.Variables) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		name, value, found := strings.Cut(line, "=")
		if !found || name == "" {
			return nil, errors.New("stage variables are written as NAME=VALUE, one a line")
		}
		r.Set[name] = value
	}
	return r, nil
}

// planDigest stands for what a plan does: what is carried out is what was
// shown. Ids that each plan makes anew are left out.
func planDigest(p *promote.Plan) string {
	moves := struct {
		Stage     promote.StageMove
		Functions []promote.FunctionMove
		Grants    []string
		Undoes    int
	}{p.Stage, p.Functions, p.Grants, len(p.Undoes)}
	data, err := json.Marshal(moves)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(data)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}
