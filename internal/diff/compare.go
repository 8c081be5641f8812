package diff

import (
	"context"
	"slices"
	"strings"

	rest "github.com/aws/aws-sdk-go-v2/service/apigateway/types"

	"github.com/stagedoor/stagedoor/internal/doctor"
	"github.com/stagedoor/stagedoor/internal/target"
)

// Side is one stage that is compared.
type Side struct {
	// Label names the place in a word or two where the sides are in different
	// ones; "" otherwise.
	Label   string
	Picture *target.Picture // as Read takes it
	Stage   string          // one of Picture.Read
	// Verdicts is doctor's examination of Picture.Dump; nil: Compare examines.
	Verdicts *doctor.Report
	// ShowValues lets the values of environment variables into the Report. Both
	// sides have to say so.
	ShowValues bool

	cells []*doctor.Cell // of the stage
}

// Read takes the picture of an API that Compare needs. Without stages all of
// them are read closely.
func Read(ctx context.Context, c *target.Clients, api string, stages ...string) (*target.Picture, error) {
	return ReadShowing(ctx, c, api, nil, stages...)
}

// ReadShowing is Read, and tells how many of the things known so far have been
// read.
func ReadShowing(ctx context.Context, c *target.Clients, api string, progress func(done, total int), stages ...string) (*target.Picture, error) {
	return target.ReadAPI(ctx, c, api, target.APIOptions{Stages: stages, Wanted: doctor.Wanted(nil), Progress: progress})
}

// FromDump makes the picture from a dump of an account, which lacks some of it.
func FromDump(d *target.Dump, api string, stages ...string) (*target.Picture, error) {
	return target.PictureOf(d, api, target.APIOptions{Stages: stages, Wanted: doctor.Wanted(nil)})
}

// Compare says what differs between two stages. Both must have been read
// closely.
func Compare(left, right *Side) *Report {
	c := newComparing(left, right)
	r := &Report{Left: c.left.end(), Right: c.right.end(), Notes: c.notes}
	for _, section := range []func() Section{
		c.api, c.policy, c.methods, c.authorizers, c.models, c.responses, c.variables, c.functions, c.environment, c.aliases,
		c.stage, c.logging, c.throttling, c.caching, c.canary, c.grants,
	} {
		r.Sections = append(r.Sections, section())
	}
	r.Unread = c.unread()
	r.count()
	return r
}

// Pictures compares the stages of two APIs: those two that are named, or where
// none are named all of equal name.
func Pictures(left, right *Side, stages ...[2]string) *Comparison {
	out := &Comparison{Format: Format, Version: Version, Reports: []*Report{}}
	l, r := *left, *right
	l.examine()
	r.examine()
	out.count(l.Picture, r.Picture)
	if len(stages) == 0 {
		for _, name := range l.Picture.Read {
			if slices.Contains(r.Picture.Read, name) {
				stages = append(stages, [2]string{name, name})
			} else {
				out.OnlyLeft = append(out.OnlyLeft, name)
			}
		}
		for _, name := range r.Picture.Read {
			if !slices.Contains(l.Picture.Read, name) {
				out.OnlyRight = append(out.OnlyRight, name)
			}
		}
	}
	leftCells, rightCells := byStage(l.Verdicts), byStage(r.Verdicts)
	for _, pair := range stages {
		l.Stage, l.cells = pair[0], orEmpty(leftCells[pair[0]])
		r.Stage, r.cells = pair[1], orEmpty(rightCells[pair[1]])
		one, other := l, r
		out.Reports = append(out.Reports, Compare(&one, &other))
	}
	out.sum()
	return out
}

func orEmpty(cells []*doctor.Cell) []*doctor.Cell {
	if cells == nil {
		return []*doctor.Cell{}
	}
	return cells
}

func byStage(r *doctor.Report) map[string][]*doctor.Cell {
	out := map[string][]*doctor.Cell{}
	for i := range r.Cells {
		out[r.Cells[i].Stage] = append(out[r.Cells[i].Stage], &r.Cells[i])
	}
	return out
}

// Without returns the comparison without the named sections.
func (c *Comparison) Without(names ...string) *Comparison {
	out := *c
	out.Reports = make([]*Report, len(c.Reports))
	for i, r := range c.Reports {
		out.Reports[i] = r.Without(names...)
	}
	out.sum()
	return &out
}

func (c *Comparison) sum() {
	c.Same = len(c.OnlyLeft)+len(c.OnlyRight) == 0
	for _, r := range c.Reports {
		c.Same = c.Same && r.Same
	}
}

// count adds up the calls; one picture may be both sides.
func (c *Comparison) count(left, right *target.Picture) {
	c.Calls, c.Requests = left.Dump.Calls, left.Dump.Requests
	if right != left {
		c.Calls, c.Requests = c.Calls+right.Dump.Calls, c.Requests+right.Dump.Requests
	}
}

func (s *Side) examine() {
	if s.Verdicts == nil {
		s.Verdicts = doctor.Examine(s.Picture.Dump, doctor.Options{})
	}
}

// comparing is one Compare.
type comparing struct {
	left, right *half
	showValues  bool
	samePlace   bool // one account, region and endpoint
	notes       []string
	pairs       []*pair // of functions
}

// half is a Side made ready.
type half struct {
	*Side
	place    place
	stage    *rest.Stage
	snapshot *snapshot
}

func newComparing(left, right *Side) *comparing {
	c := &comparing{left: newHalf(left), right: newHalf(right), showValues: left.ShowValues && right.ShowValues}
	l, r := left.Picture.Dump, right.Picture.Dump
	c.samePlace = l.Account == r.Account && l.Region == r.Region && l.Endpoint == r.Endpoint
	c.readSnapshots()
	c.pairs = c.functionPairs()
	return c
}

func newHalf(s *Side) *half {
	h := &half{Side: s, stage: &rest.Stage{StageName: &s.Stage}}
	if s.cells == nil {
		s.examine()
		s.cells = byStage(s.Verdicts)[s.Stage]
	}
	api := s.Picture.API
	for i := range api.Stages {
		if text(api.Stages[i].StageName) == s.Stage {
			h.stage = &api.Stages[i]
		}
	}
	h.place = place{account: s.Picture.Dump.Account, region: s.Picture.Dump.Region, api: text(api.API.Id)}
	return h
}

func (h *half) end() End {
	d, api := h.Picture.Dump, &h.Picture.API.API
	return End{
		Label: h.Label, Endpoint: d.Endpoint, Account: d.Account, Region: d.Region,
		API: text(api.Id), APIName: text(api.Name), Stage: h.Stage, Deployment: text(h.stage.DeploymentId),
	}
}

// unread are the sentences about what the places did not tell. The snapshots of
// other stages do not matter here.
func (c *comparing) unread() []string {
	var out []string
	sides := []*half{c.left, c.right}
	if c.left.Picture == c.right.Picture {
		sides = sides[:1]
	}
	for _, h := range sides {
		for _, u := range h.Picture.Dump.Unread {
			if _, stage, found := strings.Cut(u.What, " of stage "); found && !c.about(h, stage) {
				continue
			}
			sentence := u.String()
			if h.Label != "" {
				sentence = h.Label + ": " + sentence
			}
			out = append(out, sentence)
		}
	}
	return out
}

// about reports whether "dev of API a1b2c3d4e5 …" speaks of a stage that is
// compared.
func (c *comparing) about(h *half, what string) bool {
	return strings.HasPrefix(what, h.Stage+" of API ") || h.Picture == c.right.Picture && strings.HasPrefix(what, c.right.Stage+" of API ")
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
