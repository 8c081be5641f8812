package console

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// How long things hold, and how many there are at most.
const (
	sessionLife  = 12 * time.Hour
	linkLife     = 24 * time.Hour
	sessionsKept = 1000
	linksKept    = 100
)

// digest is the SHA-256 of a secret: secrets themselves are not kept.
type digest = [sha256.Size]byte

// session is a person at a browser.
type session struct {
	// id binds forms to the session; the cookie itself is not kept.
	id digest
	// Local sessions are those of this machine, which need no sign-in.
	Local       bool
	Account     string
	ARN         string
	expires     time.Time
	credentials aws.CredentialsProvider
}

// Name is how the person is shown: the end of the ARN.
func (s *session) Name() string {
	if s.Root() {
		return "root"
	}
	return lastOf(s.ARN)
}

// Root reports whether IAM lets this person do everything.
func (s *session) Root() bool { return lastOf(s.ARN) == "root" }

// sessions remembers who has signed in, and the links that were not used yet.
type sessions struct {
	now    func() time.Time
	random io.Reader

	mu    sync.Mutex
	byID  map[digest]*session
	links map[digest]time.Time // when each ends

	attempts attempts
}

func newSessions(now func() time.Time, random io.Reader) *sessions {
	return &sessions{now: now, random: random, byID: map[digest]*session{}, links: map[digest]time.Time{}}
}

// secret makes a value that cannot be guessed: 256 bits.
func (s *sessions) secret() string {
	var b [32]byte
	if _, err := io.ReadFull(s.random, b[:]); err != nil {
		panic("console: no randomness: " + err.Error()) // crypto/rand never fails
	}
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// newLink makes the token of a one-time link.
func (s *sessions) newLink() string {
	token := s.secret()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.links) >= linksKept {
		clear(s.links)
	}
	s.links[sha256.Sum256([]byte(token))] = s.now().Add(linkLife)
	return token
}

// useLink reports whether token is that of a link that was not used yet, which
// it then is. Every link is looked at, in constant time each.
func (s *sessions) useLink(token string) bool {
	want := sha256.Sum256([]byte(token))
	s.mu.Lock()
	defer s.mu.Unlock()
	found := false
	for link, end := range s.links {
		same := subtle.ConstantTimeCompare(link[:], want[:]) == 1
		if same || !s.now().Before(end) {
			delete(s.links, link)
			found = found || same && s.now().Before(end)
		}
	}
	return found
}

// add remembers a session and returns the value of its cookie.
func (s *sessions) add(n *session) string {
	value := s.secret()
	n.id, n.expires = sha256.Sum256([]byte(value)), s.now().Add(sessionLife)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.byID) >= sessionsKept {
		s.evict()
	}
	s.byID[n.id] = n
	return value
}

// evict drops what is over, or else the oldest.
func (s *sessions) evict() {
	var oldest *session
	for id, each := range s.byID {
		if !s.now().Before(each.expires) {
			delete(s.byID, id)
		} else if oldest == nil || each.expires.Before(oldest.expires) {
			oldest = each
		}
	}
	if len(s.byID) >= sessionsKept {
		delete(s.byID, oldest.id)
	}
}

// find returns the session with this cookie, or nil. The table is keyed by
// digest: how long the look-up takes tells nothing about cookies.
func (s *sessions) find(cookie string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.byID[sha256.Sum256([]byte(cookie))]
	if n == nil || !s.now().Before(n.expires) {
		return nil
	}
	return n
}

func (s *sessions) remove(id digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byID, id)
}

// cookieName differs by port: cookies do not, and several stagedoors may run on
// one machine.
func cookieName(r *http.Request) string {
	if u, err := url.Parse("http://" + r.Host); err == nil && u.Port() != "" {
		return "stagedoor-" + u.Port()
	}
	return "stagedoor"
}

func (c *Console) setCookie(w http.ResponseWriter, r *http.Request, value string) {
	cookie := &http.Cookie{
		Name: cookieName(r), Value: value, Path: Prefix, HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil, MaxAge: int(sessionLife / time.Second),
	}
	if value == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(w, cookie)
}

// visitor finds out who is asking; nil: somebody who has to sign in. A person at
// this machine is the root of the default account, as with the access key "test",
// unless signed in as somebody else.
func (c *Console) visitor(w http.ResponseWriter, r *http.Request) *session {
	cookie, err := r.Cookie(cookieName(r))
	if err == nil {
		if s := c.sessions.find(cookie.Value); s != nil {
			return s
		}
	}
	if !onThisMachine(r) {
		return nil
	}
	value := ""
	if err == nil && len(cookie.Value) <= 64 {
		value = cookie.Value
	}
	if value == "" {
		value = c.sessions.secret()
		c.setCookie(w, r, value)
	}
	return c.local(value)
}

// local is the session of a person at this machine. Nothing of it is kept: the
// cookie only binds forms to the browser that asked for them.
func (c *Console) local(cookie string) *session {
	return &session{
		id: sha256.Sum256([]byte(cookie)), Local: true, Account: c.o.Account,
		ARN:         "arn:aws:iam::" + c.o.Account + ":root",
		credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}
}
