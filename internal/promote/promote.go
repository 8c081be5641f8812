package promote

import (
	"errors"
	"fmt"
	"time"

	"github.com/stagedoor/stagedoor/internal/doctor"
)

// Request says what to promote and how.
type Request struct {
	API      string            `json:"api"`  // id or name of a REST API
	From     string            `json:"from"` // stage
	To       string            `json:"to"`   // stage
	Set      map[string]string `json:"set,omitempty"`
	Fix      bool              `json:"fix,omitempty"`  // add the grants that are missing after it
	Wide     bool              `json:"wide,omitempty"` // as doctor's --wide
	Canary   float64           `json:"canary,omitempty"`
	Bake     time.Duration     `json:"bake,omitempty"`    // nanoseconds
	AbortOn  []Threshold       `json:"abortOn,omitempty"` // while it bakes
	Probes   []Probe           `json:"probes,omitempty"`
	TakeOver bool              `json:"takeOver,omitempty"`
	Caller   Caller            `json:"-"`
	// ProbeURL is where probes are sent: the URL of the stage. "" takes the
	// place's own: HOST/restapis/API/STAGE/_user_request_ at an endpoint,
	// API.execute-api.REGION.amazonaws.com/STAGE on AWS.
	ProbeURL string `json:"probeUrl,omitempty"`
}

// Caller is who runs a promotion, for the lock and the history.
type Caller struct {
	Name string // user@host
	// Machine tells processes of this machine from those of others, PID one
	// from another; Alive reports whether a process of this machine runs.
	Machine string
	PID     int
	Alive   func(pid int) bool
}

// Plan is what a promotion or a rollback will do. It has changed nothing yet.
type Plan struct {
	Kind    string  `json:"kind"` // "promotion", "rollback", or "resumption" of an interrupted one
	ID      string  `json:"id"`
	Request Request `json:"request"`
	Account string  `json:"account"`
	Region  string  `json:"region"`
	API     string  `json:"api"` // id
	APIName string  `json:"apiName"`

	Stage     StageMove      `json:"stage"`
	Functions []FunctionMove `json:"functions"`
	Grants    []string       `json:"grants,omitempty"`   // commands of --fix
	Problems  []Problem      `json:"problems,omitempty"` // what stops it
	Warnings  []string       `json:"warnings,omitempty"`
	Commands  []string       `json:"commands"`          // for a POSIX shell with the aws CLI
	Resumes   *Record        `json:"resumes,omitempty"` // the interrupted promotion that is gone on with, or undone
	Undoes    []Record       `json:"undoes,omitempty"`  // of a rollback, newest first
	Nothing   bool           `json:"nothing"`           // both stages are the same already
	Checked   int            `json:"checked"`           // methods and authorizers of the target that were examined
	Calls     int            `json:"calls"`             // AWS operations that planning took

	work  *work
	force bool
}

// StageMove is what happens to the stage.
type StageMove struct {
	Name          string            `json:"name"`
	OldDeployment string            `json:"oldDeployment"`
	NewDeployment string            `json:"newDeployment"`
	Set           []Variable        `json:"set,omitempty"`  // changed or added
	Kept          map[string]string `json:"kept,omitempty"` // the others
	Canary        float64           `json:"canary,omitempty"`
}

// Variable is a stage variable that changes. Old is nil where there was none.
type Variable struct {
	Name string  `json:"name"`
	Old  *string `json:"old"`
	New  *string `json:"new"` // nil: it is removed
}

// FunctionMove is what happens to one function.
type FunctionMove struct {
	Function string      `json:"function"`       // ARN, unqualified
	Source   string      `json:"source"`         // ARN with its qualifier
	Code     *CodeMove   `json:"code,omitempty"` // nil: no code is copied
	Aliases  []AliasMove `json:"aliases,omitempty"`
	// Publish says that $LATEST is published, and the aliases move to that.
	Publish bool         `json:"publish,omitempty"`
	Kept    []Difference `json:"kept,omitempty"`    // configuration that differs and stays
	Changed []Difference `json:"changed,omitempty"` // that moves with the version
	Methods []string     `json:"methods"`           // that call it
}

// CodeMove is code that is copied. Hashes are AWS's CodeSha256.
type CodeMove struct {
	Old   string `json:"old"`
	New   string `json:"new"`
	Size  int64  `json:"size"` // bytes of the package
	Image string `json:"image,omitempty"`
}

// AliasMove is an alias that moves. New is "" where the version is published
// on the way.
type AliasMove struct {
	Name    string             `json:"name"`
	Old     string             `json:"old"`
	Weights map[string]float64 `json:"weights,omitempty"` // that it has before
	New     string             `json:"new"`
	Code    string             `json:"code"`             // hash of what it moves to
	AtOnce  bool               `json:"atOnce,omitempty"` // for everybody, in spite of --canary
	// NewWeights are those that a rollback gives it back.
	NewWeights map[string]float64 `json:"newWeights,omitempty"`
}

// Difference is one setting that source and target have differently. Values of
// environment variables are never in it.
type Difference struct {
	Setting string `json:"setting"`
	Source  string `json:"source"`
	Target  string `json:"target"`
	// Risky settings decide whether the code runs at all.
	Risky bool `json:"risky,omitempty"`
}

// Problem is something that stops a promotion.
type Problem struct {
	Code     string   `json:"code,omitempty"` // doctor's, SD001 …
	Title    string   `json:"title"`
	Method   string   `json:"method,omitempty"`
	Function string   `json:"function,omitempty"`
	Sentence string   `json:"sentence"`
	Fix      []string `json:"fix,omitempty"`    // commands
	Remedy   string   `json:"remedy,omitempty"` // in words
	finding  *doctor.Finding
}

// States of a promotion.
const (
	Preparing = "preparing" // nothing has changed for callers
	Moving    = "moving"    // run it again, or roll it back
	Baking    = "baking"    // the canary takes its share, or all calls are watched
	Finishing = "finishing" // the rest of the calls moves
	Undoing   = "undoing"
	Done      = "done"
	Undone    = "undone"
)

// Record is one promotion as the stage's tags keep it.
type Record struct {
	ID            string        `json:"id"`
	State         string        `json:"state"`
	From          string        `json:"from"`
	Stage         string        `json:"stage"`
	OldDeployment string        `json:"oldDeployment"`
	NewDeployment string        `json:"newDeployment"`
	Set           []Variable    `json:"set,omitempty"`
	Canary        float64       `json:"canary,omitempty"`
	Bake          time.Duration `json:"bake,omitempty"` // nanoseconds
	AbortOn       []Threshold   `json:"abortOn,omitempty"`
	BakesUntil    time.Time     `json:"bakesUntil,omitzero"`
	By            string        `json:"by"` // ARN of the caller
	At            string        `json:"at"` // user@host
	Began         time.Time     `json:"began"`
	Ended         time.Time     `json:"ended,omitzero"`
	Reason        string        `json:"reason,omitempty"` // why it was undone
	// Functions are what the functions' own tags say; only History and plans
	// read them.
	Functions []FunctionRecord `json:"functions,omitempty"`
	Count     int              `json:"functionCount"`

	// Lost says, in sentences, which functions an undo cannot restore: their part
	// of the journal is gone.
	Lost []string `json:"lost,omitempty"`

	first   string            // ARN of the first function, "" when there is none
	missing map[string]string // of Lost, by ARN, while looking
}

// FunctionRecord is what the tags of a function keep of one promotion.
type FunctionRecord struct {
	Function   string        `json:"function"` // ARN
	Source     string        `json:"source"`
	OldVersion string        `json:"oldVersion,omitempty"` // holds the old code
	OldCode    string        `json:"oldCode,omitempty"`    // CodeSha256
	NewCode    string        `json:"newCode,omitempty"`
	Aliases    []AliasRecord `json:"aliases,omitempty"`

	next string // ARN of the next function of the promotion
}

// AliasRecord is one alias of a function in a promotion.
type AliasRecord struct {
	Name    string             `json:"name"`
	Old     string             `json:"old"`
	Weights map[string]float64 `json:"weights,omitempty"`
	New     string             `json:"new"` // "" before it was published
	AtOnce  bool               `json:"atOnce,omitempty"`
}

// Event is told while a plan runs.
type Event struct {
	Kind string        `json:"kind"` // "step", "same" (nothing to do), "wait", "probe", "measure", "undo", "note"
	Text string        `json:"text"`
	Took time.Duration `json:"took,omitempty"` // nanoseconds
	Bad  bool          `json:"bad,omitempty"`
}

// Outcomes of a run.
const (
	Promoted   = "promoted"
	RolledBack = "rolled back"
	Unchanged  = "unchanged"
)

// Result is how a run ended.
type Result struct {
	Outcome  string        `json:"outcome"`
	Reason   string        `json:"reason,omitempty"` // of a rollback that nobody asked for
	Lost     []string      `json:"lost,omitempty"`   // what an undo could not put back
	Record   Record        `json:"record"`
	Probes   []ProbeResult `json:"probes,omitempty"`
	Measured *Measured     `json:"measured,omitempty"`
	Events   []Event       `json:"events"`
	Calls    int           `json:"calls"` // AWS operations
}

// LockedError says who promotes the stage right now.
type LockedError struct {
	Stage  string
	Holder string // user@host, process
	Until  time.Time
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("stage %s is being promoted by %s, whose lock ends %s unless it is renewed; wait for it, or if it is dead: --take-over", e.Stage, e.Holder, e.Until.UTC().Format("15:04:05 MST"))
}

// StoppedError says that a plan cannot be run as it is.
type StoppedError struct{ Plan *Plan }

func (e *StoppedError) Error() string {
	return fmt.Sprintf("%d problems stop the promotion of %s to %s; the first: %s", len(e.Plan.Problems), e.Plan.Request.From, e.Plan.Request.To, e.Plan.Problems[0].Sentence)
}

// InterruptedError says that a run ended in the middle. Its tags hold what is
// left to do.
type InterruptedError struct {
	Record Record
	API    string
	Err    error
}

func (e *InterruptedError) Error() string {
	return fmt.Sprintf("interrupted: %v\nRun \"stagedoor promote %s %s %s\" again to go on, or \"stagedoor rollback %s %s\" to undo it", e.Err, e.API, e.Record.From, e.Record.Stage, e.API, e.Record.Stage)
}

func (e *InterruptedError) Unwrap() error { return e.Err }

// ErrNothing says that there is no promotion to undo.
var ErrNothing = errors.New("no promotion of this stage is kept")
