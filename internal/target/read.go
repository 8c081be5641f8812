package target

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// Wanted is what the APIs lead to.
type Wanted struct {
	Functions map[string][]string // unqualified ARN → qualifiers that are called, "" for the bare function
	Roles     []string            // ARNs
}

// Options say how to read.
type Options struct {
	// Wanted tells from the APIs alone, which are read first, which functions
	// and roles matter.
	Wanted func(d *Dump) Wanted
	// AllFunctions reads the policies of functions that no API calls as well,
	// where there are more than fewFunctions.
	AllFunctions bool
	// Progress is told how many of the things known so far have been read;
	// nil: nobody.
	Progress func(done, total int)
	// Now is for tests; nil: time.Now.
	Now func() time.Time
}

const (
	// atOnce is how many calls are under way together: AWS's control planes
	// answer some ten a second before they throttle.
	atOnce = 8
	// fewFunctions are read whether they are called or not: statements that do
	// nothing are then found on all of them. GetPolicy is limited to 15 a
	// second, so for more it takes minutes.
	fewFunctions = 200
)

// Read takes a picture of a place. It fails when the place cannot be reached or
// tells nothing at all; what it tells in part is marked as unread.
func Read(ctx context.Context, c *Clients, o Options) (*Dump, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	r := &reader{clients: c, options: o, dump: &Dump{
		Format: Format, Version: Version, Taken: o.Now().UTC(), Region: c.Region, Endpoint: c.Endpoint,
		RestAPIs: []*RestAPI{}, Functions: []*Function{},
	}}
	before := int64(0)
	if c.Requests != nil {
		before = c.Requests()
	}
	ctx, r.stop = context.WithCancelCause(ctx)
	defer r.stop(nil)
	for _, step := range []func(context.Context) error{r.account, r.restAPIs, r.httpAPIs, r.functions, r.roles} {
		if err := step(ctx); err != nil {
			return nil, err
		}
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
	}
	r.dump.Calls = int(r.calls.Load())
	if c.Requests != nil {
		r.dump.Requests = c.Requests() - before
	}
	slices.SortFunc(r.dump.Unread, func(a, b Unread) int { return strings.Compare(a.What, b.What) })
	return r.dump, nil
}

// reader is one Read.
type reader struct {
	clients *Clients
	options Options
	dump    *Dump
	wanted  Wanted
	stop    context.CancelCauseFunc
	calls   atomic.Int64
	whole   bool // keep the responses and templates of methods

	noExports   atomic.Bool // the place has no GetExport
	done, total atomic.Int64
	mu          sync.Mutex // guards dump.Unread, and the maps of an API whose stages are read together
}

// call counts an operation and passes its error on, unless the place cannot be
// reached any more: then it ends everything.
func call[I, O, Opt any](ctx context.Context, r *reader, operation func(context.Context, *I, ...func(*Opt)) (*O, error), in *I) (*O, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	r.calls.Add(1)
	out, err := operation(ctx, in)
	if err != nil && unreachable(err) {
		r.stop(fmt.Errorf("%s cannot be reached; is the address right, and the network there? %w", r.place(), plain(err)))
	}
	return out, err
}

func (r *reader) place() string {
	if r.clients.Endpoint != "" {
		return r.clients.Endpoint
	}
	return "AWS in " + r.clients.Region
}

// plain is an error without what the SDK puts before it: operation, status and
// request id.
func plain(err error) error {
	var answer smithy.APIError
	if errors.As(err, &answer) {
		return answer
	}
	var network net.Error
	if errors.As(err, &network) {
		return network
	}
	return err
}

func unreachable(err error) bool {
	var network net.Error
	var answer smithy.APIError
	return errors.As(err, &network) && !errors.As(err, &answer)
}

// unread notes what could not be read and returns why, in a few words.
func (r *reader) unread(what, operation string, err error) string {
	u := Unread{What: what, Operation: operation, Code: errorCode(err), Why: reason(err)}
	r.mu.Lock()
	r.dump.Unread = append(r.dump.Unread, u)
	r.mu.Unlock()
	return operation + " answered " + u.Code
}

func errorCode(err error) string {
	var answer smithy.APIError
	if errors.As(err, &answer) {
		return answer.ErrorCode()
	}
	return "no answer"
}

func reason(err error) string {
	var answer smithy.APIError
	if errors.As(err, &answer) {
		return answer.ErrorMessage()
	}
	return err.Error()
}

// missing tells a thing that does not exist from one that may not be read.
func missing(err error) bool {
	switch errorCode(err) {
	case "ResourceNotFoundException", "NotFoundException", "NoSuchEntity", "NoSuchEntityException":
		return true
	}
	return false
}

// each runs f for all items, some at a time, and returns when all have ended.
func each[T any](ctx context.Context, r *reader, items []T, f func(context.Context, T)) {
	r.total.Add(int64(len(items)))
	r.progress()
	var running sync.WaitGroup
	queue := make(chan T)
	for range min(atOnce, len(items)) {
		running.Go(func() {
			for item := range queue {
				f(ctx, item)
				r.done.Add(1)
				r.progress()
			}
		})
	}
	for _, item := range items {
		queue <- item
	}
	close(queue)
	running.Wait()
}

func (r *reader) progress() {
	if r.options.Progress == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.options.Progress(int(r.done.Load()), int(r.total.Load()))
}

// account asks who is asking: the account that the place is about.
func (r *reader) account(ctx context.Context) error {
	out, err := call(ctx, r, r.clients.Tokens.GetCallerIdentity, &sts.GetCallerIdentityInput{})
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		if rejected(err) {
			why, _, _ := strings.Cut(reason(err), "\n") // of a wrong signature AWS goes on with the request
			return fmt.Errorf("%s does not accept the credentials: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or the profile, and sign in again where they have expired: %s (%s)", r.place(), why, errorCode(err))
		}
		return fmt.Errorf("%s does not say which account this is (sts:GetCallerIdentity): does it speak AWS's protocols? %w", r.place(), plain(err))
	}
	r.dump.Account = value(out.Account)
	return nil
}

// rejected tells credentials that nobody knows from a right that is missing
// (STS API reference, common errors).
func rejected(err error) bool {
	switch errorCode(err) {
	case "InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "InvalidSignatureException", "ExpiredToken",
		"ExpiredTokenException", "IncompleteSignature", "MissingAuthenticationToken", "InvalidAccessKeyId", "RequestExpired":
		return true
	}
	return false
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
