package console

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/internal/promote"
)

// runsKept bounds how many promotions of the past are remembered with their
// steps; the stages' tags keep the history.
const runsKept = 50

// runs are the promotions that were started here.
type runs struct {
	ctx  context.Context // ends when the console is closed
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu    sync.Mutex
	byID  map[string]*run
	order []string
}

func newRuns() *runs {
	r := &runs{byID: map[string]*run{}}
	r.ctx, r.stop = context.WithCancel(context.Background())
	return r
}

// close interrupts what runs, which a later promotion goes on with, and waits
// for it.
func (r *runs) close(ctx context.Context) error {
	r.stop()
	ended := make(chan struct{})
	go func() { r.wg.Wait(); close(ended) }()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run is one promotion or rollback under way or done.
type run struct {
	ID, API, APIName, Stage, Title string
	account, region                string
	begun                          time.Time

	mu      sync.Mutex
	events  []promote.Event
	result  *promote.Result
	err     error
	ended   time.Time
	changed chan struct{} // closed and replaced with each change
}

// runState is a run at one moment, for templates.
type runState struct {
	*run
	Events    []promote.Event
	Result    *promote.Result
	Problem   *problem
	Running   bool
	Took      time.Duration
	Kind      string // "ok", "bad" or "neutral"
	Live      string
	Back      string
	Succeeded bool
}

func (r *run) state(v *visit) (s *runState, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s = &runState{
		run: r, Events: r.events[:len(r.events):len(r.events)], Result: r.result, Running: r.ended.IsZero(), Kind: "neutral",
		Live: runURL(r.ID) + "/live", Back: pipelineURL(r.API),
	}
	if s.Running {
		s.Took = v.now().Sub(r.begun)
		return s, r.changed
	}
	s.Took = r.ended.Sub(r.begun)
	switch {
	case r.err != nil:
		s.Kind, s.Problem = badKind, describe(pipelineError(r.err, r.API), v)
	case r.result.Reason != "":
		s.Kind = badKind
	default:
		s.Kind, s.Succeeded = okKind, true
	}
	return s, r.changed
}

func (r *run) tell(e promote.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	r.wake()
}

func (r *run) end(result *promote.Result, err error, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result, r.err, r.ended = result, err, at
	r.wake()
}

// wake tells those who watch; r.mu is held.
func (r *run) wake() {
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *run) isRunning() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ended.IsZero()
}

func runURL(id string) string { return Prefix + "pipeline/runs/" + id }

// runPlan carries out the plan that was shown. It is made anew: where it is
// another one by now, nothing is done.
func runPlan(v *visit) (*done, error) {
	api, options := v.value("api"), v.planOptions()
	plan, err := v.plan(api, &options)
	if err != nil {
		return nil, pipelineError(err, api)
	}
	back := planURL(plan.API, options.From, options.To)
	if options.Rollback != "" {
		back = rollbackURL(plan.API, options.Rollback, options.ID)
	}
	switch {
	case planDigest(plan) != v.value("plan"):
		return nil, &problem{
			Status: http.StatusConflict, Title: "This has changed meanwhile", To: back,
			Sentence: "The plan is no longer the one that the page showed. Nothing was changed.", Remedy: []string{"Look at the new plan and decide again."},
		}
	case len(plan.Problems) > 0:
		return nil, &problem{
			Status: http.StatusConflict, Title: "The plan cannot be carried out as it is", Sentence: plan.Problems[0].Sentence + " Nothing was changed.", To: back,
		}
	case plan.Nothing:
		return &done{Message: "Both stages run the same already. Nothing was changed.", To: pipelineURL(plan.API)}, nil
	}
	r, err := v.start(plan, options.Rollback != "")
	if err != nil {
		return nil, err
	}
	return &done{To: runURL(r.ID)}, nil
}

// start runs a plan beside the requests; of one stage one at a time.
func (v *visit) start(plan *promote.Plan, rollback bool) (*run, error) {
	all := v.c.runs
	r := &run{
		ID: v.c.newRunID(), API: plan.API, APIName: plan.APIName, Stage: plan.Stage.Name, account: v.s.Account, region: v.region,
		begun: v.now(), changed: make(chan struct{}), Title: "Promotion to " + plan.Stage.Name,
	}
	if rollback {
		r.Title = "Rollback of " + plan.Stage.Name
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	for _, other := range all.byID {
		if other.account == r.account && other.region == r.region && other.API == r.API && other.Stage == r.Stage && other.isRunning() {
			return nil, &problem{
				Status: http.StatusConflict, Title: "The stage is being promoted", To: runURL(other.ID),
				Sentence: fmt.Sprintf("%s runs since %s. It is not done twice at once; nothing was changed.", other.Title, stamp(other.begun)),
			}
		}
	}
	all.byID[r.ID] = r
	all.order = append(all.order, r.ID)
	all.forget()
	all.wg.Go(func() {
		result, err := plan.Run(all.ctx, r.tell)
		r.end(result, err, v.now())
	})
	return r, nil
}

// forget drops the oldest runs that have ended; r.mu is held.
func (r *runs) forget() {
	for i := 0; len(r.order) > runsKept && i < len(r.order); {
		if id := r.order[i]; r.byID[id].isRunning() {
			i++
		} else {
			delete(r.byID, id)
			r.order = append(r.order[:i:i], r.order[i+1:]...)
		}
	}
}

func (c *Console) newRunID() string {
	var b [8]byte
	if _, err := io.ReadFull(c.o.Random, b[:]); err != nil {
		panic("console: no randomness: " + err.Error()) // crypto/rand never fails
	}
	return hex.EncodeToString(b[:])
}

// runOf finds the run of the address, of this person's account.
func (v *visit) runOf() (*run, error) {
	v.c.runs.mu.Lock()
	r := v.c.runs.byID[v.r.PathValue("id")]
	v.c.runs.mu.Unlock()
	if r == nil || r.account != v.s.Account {
		return nil, &problem{
			Status: http.StatusNotFound, Title: "This run is not remembered", Sentence: "stagedoor was started anew since, or it is too long ago.",
			Remedy: []string{"The pipeline's history tells what came of it."}, To: Prefix + "pipeline",
		}
	}
	return r, nil
}

func runPage(v *visit) (*page, error) {
	r, err := v.runOf()
	if err != nil {
		return nil, err
	}
	s, _ := r.state(v)
	return runView(s), nil
}

func runView(s *runState) *page {
	return &page{
		Title: s.Title, Section: "pipeline", Template: "pipeline-run", Body: s,
		Crumbs: []crumb{{"Overview", overviewURL()}, {s.APIName, apiURL(s.API)}, {"Pipeline", pipelineURL(s.API)}},
	}
}

// runLive sends the state of a run with each step of it, and ends with it.
func runLive(v *visit, w http.ResponseWriter) error {
	r, err := v.runOf()
	if err != nil {
		return err
	}
	s, err := v.stream(w)
	if err != nil {
		return err
	}
	defer s.close()
	for {
		state, changed := r.state(v)
		if err := s.render(runView(state), "run"); err != nil {
			return err
		}
		if !state.Running {
			return s.send("ended", "")
		}
		if !s.wait(changed) {
			return nil
		}
	}
}
