package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Bounds of what an issuer may answer.
const (
	fetchTimeout = 5 * time.Second // for each of the two documents
	documentMost = 1 << 20         // bytes
	redirects    = 3
)

// fetch reads an issuer's keys: the discovery document, whose issuer must be
// the very one that was asked (OpenID Connect Discovery, 4.3), and the key set
// that it points at. keep says how long they may be kept.
func (v *Verifier) fetch(ctx context.Context, issuer string) (keySet, time.Duration, error) {
	base, err := url.Parse(issuer)
	if err != nil || !reachable(base, base) {
		return keySet{}, 0, fmt.Errorf("%w: issuer %q: want https, or http on this machine", ErrNoKey, issuer)
	}
	var found struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if _, err := v.get(ctx, base, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration", &found); err != nil {
		return keySet{}, 0, err
	}
	if found.Issuer != issuer {
		return keySet{}, 0, fmt.Errorf("%w: %s says that it is issuer %q", ErrNoKey, issuer, found.Issuer)
	}
	var set struct {
		Keys []jwk `json:"keys"`
	}
	header, err := v.get(ctx, base, found.Keys, &set)
	if err != nil {
		return keySet{}, 0, err
	}
	keys, err := newKeySet(set.Keys)
	return keys, keep(header), err
}

// get reads one JSON document.
func (v *Verifier) get(ctx context.Context, issuer *url.URL, address string, into any) (http.Header, error) {
	u, err := url.Parse(address)
	if err != nil || !reachable(u, issuer) {
		return nil, fmt.Errorf("%w: %q is no place for keys of %s", ErrNoKey, address, issuer)
	}
	r, err := http.NewRequestWithContext(context.WithValue(ctx, issuerKey{}, issuer), http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoKey, err)
	}
	r.Header.Set("Accept", "application/json")
	answer, err := v.client.Do(r)
	if err != nil {
		return nil, unreachable(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, documentMost+1))
	switch {
	case err != nil:
		return nil, unreachable(err)
	case answer.StatusCode >= http.StatusInternalServerError:
		return nil, fmt.Errorf("%w: %s answers %s", ErrUnreachable, u, answer.Status)
	case answer.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%w: %s answers %s", ErrNoKey, u, answer.Status)
	case len(body) > documentMost:
		return nil, fmt.Errorf("%w: %s answers more than %d bytes", ErrNoKey, u, documentMost)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrNoKey, u, err)
	}
	return answer.Header, nil
}

// unreachable tells an issuer that takes too long, which may answer the next
// time, from one that is not there.
func unreachable(err error) error {
	var slow interface{ Timeout() bool }
	if errors.As(err, &slow) && slow.Timeout() {
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return fmt.Errorf("%w: %w", ErrNoKey, err)
}

// issuerKey carries the issuer to checkRedirect.
type issuerKey struct{}

func checkRedirect(r *http.Request, via []*http.Request) error {
	issuer, _ := r.Context().Value(issuerKey{}).(*url.URL)
	switch {
	case len(via) > redirects:
		return errors.New("too many redirects")
	case issuer == nil || !reachable(r.URL, issuer):
		return fmt.Errorf("a redirect to %s", r.URL)
	}
	return nil
}

// reachable says where documents of an issuer may lie: behind https, and on
// this machine only if the issuer itself does. So an issuer out there cannot
// send us to what listens on the developer's machine.
func reachable(u, issuer *url.URL) bool {
	local := loopback(u.Hostname())
	switch {
	case u.Host == "" || u.User != nil:
		return false
	case local && !loopback(issuer.Hostname()):
		return false
	case u.Scheme == "http":
		return local
	}
	return u.Scheme == "https"
}

func loopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// keep is how long an answer says that it may be kept, within bounds.
func keep(h http.Header) time.Duration {
	for part := range strings.SplitSeq(h.Get("Cache-Control"), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			return keepLeast
		case "max-age":
			seconds, err := strconv.ParseUint(value, 10, 31)
			if err != nil {
				return keepLeast
			}
			return min(max(time.Duration(seconds)*time.Second, keepLeast), keepMost)
		}
	}
	return keepDefault
}
