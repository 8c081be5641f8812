package awswire

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
)

// An error that is not for clients stays hidden, save for what a person can do
// about it.
func TestRemedy(t *testing.T) {
	type input struct{}
	type output struct{}
	full := errors.New("disk full: free space")
	for _, c := range []struct {
		err  error
		want string
	}{
		{full, "disk full: free space"},
		{errors.New("secret"), "An error occurred and the request cannot be processed."},
	} {
		s := NewServer(ServerOptions{
			Services: map[string]Operations{"lambda": {"GetAccountSettings": Op(func(context.Context, *input, ...func(*struct{})) (*output, error) { return nil, c.err })}},
			Logger:   slog.New(slog.DiscardHandler),
			Remedy: func(err error) string {
				if errors.Is(err, full) {
					return err.Error()
				}
				return ""
			},
		})
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", "/2016-08-19/account-settings", nil))
		if w.Code != 500 || !strings.Contains(w.Body.String(), `"Message":"`+c.want+`"`) {
			t.Errorf("%v: %d %s", c.err, w.Code, w.Body)
		}
	}
}
