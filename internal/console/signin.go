package console

import (
	"crypto/sha256"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func signInRoutes() []route {
	return []route{
		{path: "sign-in", get: signInPage, open: true},
		{path: "sign-in", post: signIn, open: true},
		{path: "sign-out", post: signOut, always: true},
		{path: "link", raw: useLink, open: true},
		{path: "undo", post: undo},
	}
}

// signInForm is what the page of signing in shows.
type signInForm struct {
	Back, Key, Problem string
	Local              bool
}

func signInPage(v *visit) (*page, error) {
	return v.signInForm(&signInForm{Back: local(v.value("back"))}, 0), nil
}

func (v *visit) signInForm(f *signInForm, status int) *page {
	f.Local = v.s.Local
	return &page{Title: "Sign in", Template: "sign-in", Body: f, Bare: true, Status: status}
}

// signIn takes an access key that IAM issued. AWS's own way to find out whose
// key it is, GetCallerIdentity, verifies the secret as well; all that the person
// does from then on is asked with this key.
func signIn(v *visit) (*done, error) {
	f := &signInForm{Back: local(v.value("back")), Key: v.value("key")}
	if !v.c.sessions.attempts.admit(v.r.RemoteAddr, v.now()) {
		return nil, &problem{
			Status: http.StatusTooManyRequests, Title: "Too many attempts", To: signInURL(f.Back),
			Sentence: "Signing in failed too often from this address. Wait a minute.",
		}
	}
	secret, token := v.value("secret"), v.value("token")
	if f.Key == "" || secret == "" {
		f.Problem = "Give both the access key id and the secret access key."
		return &done{Page: v.signInForm(f, http.StatusUnprocessableEntity)}, nil
	}
	s := &session{credentials: credentials.NewStaticCredentialsProvider(f.Key, secret, token)}
	who, err := v.c.visit(v.r, s).tokens().GetCallerIdentity(v.ctx(), &sts.GetCallerIdentityInput{})
	if err != nil {
		v.c.sessions.attempts.failed(v.r.RemoteAddr, v.now())
		f.Problem = describe(err, v).Sentence
		return &done{Page: v.signInForm(f, http.StatusForbidden)}, nil
	}
	s.ARN, s.Account = aws.ToString(who.Arn), aws.ToString(who.Account)
	if s.Root() {
		// Without --credentials strict any key that IAM did not issue is the
		// root of an account: such a key proves nothing about who has it.
		v.c.sessions.attempts.failed(v.r.RemoteAddr, v.now())
		f.Problem = "IAM did not issue this key. Make one with: aws iam create-access-key --user-name NAME"
		return &done{Page: v.signInForm(f, http.StatusForbidden)}, nil
	}
	v.c.setCookie(v.w, v.r, v.c.sessions.add(s))
	return &done{To: f.Back}, nil
}

func signOut(v *visit) (*done, error) {
	v.c.sessions.remove(v.s.id)
	v.c.setCookie(v.w, v.r, "")
	return &done{To: overviewURL()}, nil
}

// useLink lets in whoever has a link that was not used yet. The page that
// follows brings the browser here once more from our own site, because a Strict
// cookie does not travel with a redirection that another site began.
func useLink(v *visit, w http.ResponseWriter) error {
	if v.r.Method != http.MethodGet {
		return nil // a HEAD, of some program that looks at links, must not use it up
	}
	if !v.c.sessions.useLink(v.r.URL.Query().Get("token")) {
		return &problem{
			Status: http.StatusForbidden, Title: "This link does not work (any more)",
			Sentence: "A link lets in one person, once, within a day. It was used, it is too old, or stagedoor was restarted.",
			Remedy:   []string{"stagedoor prints a new link each time it starts.", "Or sign in with an access key that IAM issued."},
			To:       signInURL(overviewURL()),
		}
	}
	s := v.c.local("")
	s.Local = false
	v.c.setCookie(w, v.r, v.c.sessions.add(s))
	w.Header().Set("Refresh", "0; url="+overviewURL())
	v.c.show(w, v, &page{Title: "Opening the console", Template: "again", Body: overviewURL(), Bare: true})
	return nil
}

// undo takes back what a form did.
func undo(v *visit) (*done, error) {
	o := v.c.forms.find(v.value("of"), v.s)
	if o == nil || o.done == nil || o.done.undo == nil {
		return nil, &problem{
			Status: http.StatusConflict, Title: "This cannot be undone here any more",
			Sentence: "The console remembers recent changes of this session only, and stagedoor may have been restarted. Nothing was changed.",
		}
	}
	if !v.c.forms.takeUndo(o) {
		return nil, &problem{Status: http.StatusConflict, Title: "This was undone already", Sentence: "Nothing was changed twice.", To: o.done.To}
	}
	d, err := o.done.undo(v)
	if err != nil {
		v.c.forms.giveBackUndo(o)
		return nil, err
	}
	if d == nil {
		return nil, errors.New("console: an undo returned nothing")
	}
	if d.To == "" {
		d.To = o.done.To
	}
	return d, nil
}

// Signing in fails attemptsFree times from one address before each minute lets
// one more through.
const (
	attemptsFree = 10
	attemptsKept = 1000
)

// attempts slows down guessing. Guessing a secret of 240 bits is hopeless
// anyway; this keeps the log of refusals short.
type attempts struct {
	mu      sync.Mutex
	byPlace map[digest]*attempt
}

type attempt struct {
	count int
	last  time.Time
}

func place(address string) digest {
	if a, err := netip.ParseAddrPort(address); err == nil {
		address = a.Addr().String()
	}
	return sha256.Sum256([]byte(strings.ToLower(address)))
}

func (a *attempts) admit(address string, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.byPlace[place(address)]
	return t == nil || t.count < attemptsFree || now.Sub(t.last) > time.Minute
}

func (a *attempts) failed(address string, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.byPlace == nil || len(a.byPlace) >= attemptsKept {
		a.byPlace = map[digest]*attempt{}
	}
	t := a.byPlace[place(address)]
	if t == nil {
		t = &attempt{}
		a.byPlace[place(address)] = t
	}
	if now.Sub(t.last) > time.Hour {
		t.count = 0
	}
	t.count++
	t.last = now
}
