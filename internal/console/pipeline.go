package console

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	rest "github.com/aws/aws-sdk-go-v2/service/apigateway/types"

	"github.com/stagedoor/stagedoor/internal/diff"
	"github.com/stagedoor/stagedoor/internal/promote"
	"github.com/stagedoor/stagedoor/internal/target"
)

func pipelineRoutes() []route {
	return []route{
		{path: "pipeline", get: pipelinePage, nav: "Pipeline", icon: "pipeline"},
		{path: "pipeline/diff", get: diffPage},
		{path: "pipeline/plan", get: planPage},
		{path: "pipeline/run", post: runPlan},
		{path: "pipeline/runs/{id}", get: runPage},
		{path: "pipeline/runs/{id}/live", raw: runLive},
	}
}

func pipelineURL(api string) string { return Prefix + "pipeline?" + query("api", api) }

func diffURL(api, left, right string) string {
	return Prefix + "pipeline/diff?" + query("api", api, "left", left, "right", right)
}

func planURL(api, from, to string) string {
	return Prefix + "pipeline/plan?" + query("api", api, "from", from, "to", to)
}

func rollbackURL(api, stage, id string) string {
	return Prefix + "pipeline/plan?" + query("api", api, "rollback", stage, "id", id)
}

// lanesShown bounds how many stages are read closely for one page; a person
// chooses others by name.
const lanesShown = 5

// pipelineView is the stages of one API side by side, in the order in which
// changes travel.
type pipelineView struct {
	APIs  []apiChoice // to choose from while none is chosen
	Empty *emptyState

	API, APIName string
	Order        string   // the names of the lanes, with commas, as the person may change them
	Others       []string // stages that are not lanes
	Lanes        []lane
	History      []pastPromotion
	HistoryError string
	Unread       []string // what could not be read
}

// lane is one stage.
type lane struct {
	Stage, URL   string
	Deployment   string
	Description  string
	Deployed     time.Time
	Promoted     *promote.Record // the last one to this stage, nil: none
	Variables    []nameValue
	Functions    []laneFunction
	More         int // functions that are not listed
	Allowed      int
	Refused      int
	Broken       int
	RollbackURL  string
	Interrupted  bool
	Next         *laneStep
	CanaryWeight string // percent, "" without a canary
}

// laneFunction is a function that a stage calls.
type laneFunction struct {
	Name, URL, Version, Hash string
	Alias                    string
	Methods                  int
	Problem                  string
}

// laneStep leads from a lane to the next.
type laneStep struct {
	From, To    string
	Differences int
	Same        bool
	DiffURL     string
	PlanURL     string
}

// pastPromotion is a line of the history.
type pastPromotion struct {
	promote.Record
	Kind, Text  string
	RollbackURL string
}

func pipelinePage(v *visit) (*page, error) {
	p := &pipelineView{API: v.value("api")}
	if p.API == "" {
		return p.choose(v)
	}
	picture, err := p.read(v)
	if err != nil {
		return nil, err
	}
	cells := v.matrix(p.API)
	stages := map[string]*rest.Stage{}
	for i := range picture.API.Stages {
		stages[aws.ToString(picture.API.Stages[i].StageName)] = &picture.API.Stages[i]
	}
	p.history(v)
	for _, name := range strings.Split(p.Order, ",") {
		if stages[name] != nil {
			p.Lanes = append(p.Lanes, p.lane(picture, stages[name], cells))
		}
	}
	p.steps(picture)
	for _, u := range picture.Dump.Unread {
		p.Unread = append(p.Unread, u.String())
	}
	return &page{
		Title: "Pipeline of " + p.APIName, Section: "pipeline", Template: "pipeline", Body: p, Wide: true,
		Crumbs: []crumb{{"Overview", overviewURL()}, {p.APIName, apiURL(p.API)}},
	}, nil
}

// choose lists the APIs; with only one there is nothing to choose.
func (p *pipelineView) choose(v *visit) (*page, error) {
	apis, err := v.allAPIs(v.ctx())
	if err != nil {
		return nil, err
	}
	summaries := v.summaries()
	for i := range apis {
		id := aws.ToString(apis[i].Id)
		c := apiChoice{Name: aws.ToString(apis[i].Name), ID: id, URL: pipelineURL(id)}
		if s := summaries[id]; s != nil {
			c.Stages = len(s.Stages)
		}
		p.APIs = append(p.APIs, c)
	}
	if len(p.APIs) == 0 {
		p.Empty = firstSteps(v)
	}
	return &page{
		Title: "Pipeline", Section: "pipeline", Template: "pipeline", Body: p,
		Lead: "The stages of an API side by side: what is where, what differs, and how it moves on.",
	}, nil
}

// promoter is the place that the person looks at, with their credentials. Code
// is read in this process; probes go to this endpoint.
func (v *visit) promoter() *target.Promoter {
	config := v.config()
	place := target.PromoterFromConfig(config, nil)
	place.HTTP = &packages{code: v.c.o.Code, rest: &http.Client{Timeout: probeTimeout}}
	return place
}

// read takes the picture of the stages that are lanes.
func (p *pipelineView) read(v *visit) (*target.Picture, error) {
	all, err := v.stages(v.ctx(), p.API)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(all))
	for i := range all {
		names[i] = aws.ToString(all[i].StageName)
	}
	lanes := laneOrder(names, all, v.value("order"))
	p.Order = strings.Join(lanes, ",")
	for _, name := range names {
		if !slices.Contains(lanes, name) {
			p.Others = append(p.Others, name)
		}
	}
	picture, err := diff.Read(v.ctx(), v.promoter().Clients, p.API, lanes...)
	if err != nil {
		return nil, pipelineError(err, p.API)
	}
	p.APIName = aws.ToString(picture.API.API.Name)
	return picture, nil
}

// laneOrder chooses the lanes and their order: what the person asks for, else
// the way that promotions took, else the order in which people name stages.
func laneOrder(names []string, stages []rest.Stage, asked string) []string {
	var lanes []string
	for _, name := range strings.Split(asked, ",") {
		if name = strings.TrimSpace(name); slices.Contains(names, name) && !slices.Contains(lanes, name) && len(lanes) < lanesShown {
			lanes = append(lanes, name)
		}
	}
	if len(lanes) > 0 {
		return lanes
	}
	created := map[string]time.Time{}
	for i := range stages {
		created[aws.ToString(stages[i].StageName)] = aws.ToTime(stages[i].CreatedDate)
	}
	lanes = slices.Clone(names)
	slices.SortStableFunc(lanes, func(a, b string) int {
		return cmp.Or(cmp.Compare(stageRank(a), stageRank(b)), created[a].Compare(created[b]), strings.Compare(a, b))
	})
	return lanes[:min(len(lanes), lanesShown)]
}

// stageRank orders the names that people give to stages.
func stageRank(name string) int {
	name = strings.ToLower(name)
	for rank, words := range [...][]string{
		{"local", "sandbox"}, {"dev"}, {"test", "qa", "int"}, {"stag", "uat", "pre", "beta"}, {"canary"}, {"prod", "live", "main", "v1"},
	} {
		for _, word := range words {
			if strings.HasPrefix(name, word) {
				return rank
			}
		}
	}
	return 3
}

// functionsInLane bounds the list of functions of one lane.
const functionsInLane = 12

func (p *pipelineView) lane(picture *target.Picture, s *rest.Stage, cells []Cell) lane {
	l := lane{
		Stage: aws.ToString(s.StageName), Deployment: aws.ToString(s.DeploymentId), Variables: sortedPairs(s.Variables),
	}
	l.URL = stageURL(p.API, l.Stage)
	if d, ok := picture.API.Deployments[l.Deployment]; ok {
		l.Description, l.Deployed = aws.ToString(d.Description), aws.ToTime(d.CreatedDate)
	}
	if s.CanarySettings != nil && s.CanarySettings.PercentTraffic > 0 {
		l.CanaryWeight = newAliasTarget("", s.CanarySettings.PercentTraffic/100).Percent
	}
	for i := range p.History {
		if r := &p.History[i].Record; r.Stage == l.Stage {
			l.Promoted, l.Interrupted = r, r.Interrupted()
			if r.State != promote.Undone {
				l.RollbackURL = rollbackURL(p.API, l.Stage, "")
			}
			break
		}
	}
	l.count(picture, cells)
	return l
}

// count lists the functions that the stage's methods lead to, and the verdicts.
func (l *lane) count(picture *target.Picture, cells []Cell) {
	index := map[string]int{}
	for i := range cells {
		c := &cells[i]
		if c.Stage != l.Stage || c.Canary {
			continue
		}
		switch severity(c) {
		case 0:
			l.Allowed++
		case 1:
			l.Broken++
		default:
			l.Refused++
		}
		if c.Function == "" {
			continue
		}
		at, known := index[c.Function]
		if !known {
			at = len(l.Functions)
			index[c.Function] = at
			l.Functions = append(l.Functions, newLaneFunction(c.Function, picture.Called[c.Function]))
		}
		l.Functions[at].Methods++
	}
	slices.SortFunc(l.Functions, func(a, b laneFunction) int { return strings.Compare(a.Name, b.Name) })
	if len(l.Functions) > functionsInLane {
		l.More = len(l.Functions) - functionsInLane
		l.Functions = l.Functions[:functionsInLane]
	}
}

func newLaneFunction(arn string, called *target.Called) laneFunction {
	name, qualifier := functionOfARN(arn)
	f := laneFunction{Name: qualifiedName(name, qualifier), URL: qualifiedURL(name, qualifier)}
	switch {
	case called == nil:
		f.Problem = "not read"
	case called.Missing:
		f.Problem = "does not exist"
	case called.Unread != "":
		f.Problem = called.Unread
	case called.Configuration != nil:
		f.Version, f.Hash = aws.ToString(called.Configuration.Version), aws.ToString(called.Configuration.CodeSha256)
		if called.Alias != nil {
			f.Alias = aws.ToString(called.Alias.Name)
		}
	}
	return f
}

// steps compares each lane with the next.
func (p *pipelineView) steps(picture *target.Picture) {
	for i := range p.Lanes {
		if i+1 == len(p.Lanes) {
			break
		}
		from, to := p.Lanes[i].Stage, p.Lanes[i+1].Stage
		report := diff.Compare(&diff.Side{Picture: picture, Stage: from}, &diff.Side{Picture: picture, Stage: to})
		p.Lanes[i].Next = &laneStep{
			From: from, To: to, Differences: report.Differences, Same: report.Same,
			DiffURL: diffURL(p.API, from, to), PlanURL: planURL(p.API, from, to),
		}
	}
}

// historyShown bounds the list of promotions.
const historyShown = 20

func (p *pipelineView) history(v *visit) {
	past, err := promote.History(v.ctx(), v.promoter(), p.API, "", false)
	if err != nil {
		p.HistoryError = describe(err, v).Sentence
		return
	}
	newest := map[string]bool{}
	for _, r := range past.Promotions[:min(len(past.Promotions), historyShown)] {
		line := pastPromotion{Record: r, Kind: okKind, Text: r.State}
		switch {
		case r.State == promote.Undone:
			line.Kind, line.Text = "neutral", joinNonEmpty(": ", "rolled back", r.Reason)
		case r.Interrupted():
			line.Kind, line.Text = warnKind, r.State
		}
		if r.State != promote.Undone && !newest[r.Stage] {
			line.RollbackURL = rollbackURL(p.API, r.Stage, r.ID)
		}
		newest[r.Stage] = true
		p.History = append(p.History, line)
	}
}

// pipelineError says what to do about the errors of reading and planning.
func pipelineError(err error, api string) error {
	var unknown *target.Unknown
	var locked *promote.LockedError
	var interrupted *promote.InterruptedError
	switch {
	case errors.As(err, &unknown):
		return &problem{Status: http.StatusNotFound, Title: "There is no such " + unknown.What, Sentence: unknown.Error(), To: pipelineURL(api)}
	case errors.As(err, &locked):
		return &problem{
			Status: http.StatusConflict, Title: "The stage is being promoted", To: pipelineURL(api),
			Sentence: "Stage " + locked.Stage + " is being promoted by " + locked.Holder + ". Nothing was changed.",
			Remedy:   []string{"Wait for it. Its lock ends at " + stamp(locked.Until) + " unless it is renewed; where its process is dead, the plan's page can take over."},
		}
	case errors.Is(err, promote.ErrNothing):
		return &problem{
			Status: http.StatusNotFound, Title: "There is nothing to roll back", Sentence: "No promotion of this stage is kept: " + err.Error() + ".", To: pipelineURL(api),
		}
	case errors.As(err, &interrupted):
		return &problem{
			Status: http.StatusConflict, Title: "The promotion was interrupted", Sentence: interrupted.Error(), To: pipelineURL(api),
			Remedy: []string{"Promote again to go on with it, or roll back: the stage's tags hold what is left to do."},
		}
	}
	return err
}
