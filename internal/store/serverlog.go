package store

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
)

// serverLog passes the embedded server's warnings and errors on, and keeps the
// last of them to explain a start that failed. Notices are dropped: a quiet
// start is a good start.
type serverLog struct {
	log    *slog.Logger
	broken func(text string) // called when the server can write no more
	mu     sync.Mutex
	text   string
}

func (l *serverLog) note(format string, v ...any) string {
	text := fmt.Sprintf(format, v...)
	l.mu.Lock()
	l.text = text
	l.mu.Unlock()
	return text
}

func (l *serverLog) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.text == "" {
		return "no reason was given"
	}
	return l.text
}

func (l *serverLog) Noticef(string, ...any) {}
func (l *serverLog) Debugf(string, ...any)  {}
func (l *serverLog) Tracef(string, ...any)  {}

func (l *serverLog) Warnf(format string, v ...any) {
	level := slog.LevelWarn
	text := l.note(format, v...)
	// Every start after a kill says this; whether anything was lost the seal
	// tells (seal.go).
	if strings.Contains(text, "Stream state outdated") || strings.Contains(text, "Recovering stream state from index") {
		level = slog.LevelDebug
	}
	l.log.Log(context.Background(), level, "embedded NATS server", "message", text)
}

func (l *serverLog) Errorf(format string, v ...any) {
	text := l.note(format, v...)
	l.log.Error("embedded NATS server", "message", text)
	// From here on JetStream answers no write at all, not even with an error.
	if strings.Contains(text, "ritical write error") {
		l.broken(text)
	}
}

// Fatalf must not end the process: startEmbedded reports the failure.
func (l *serverLog) Fatalf(format string, v ...any) {
	l.log.Error("embedded NATS server", "message", l.note(format, v...))
}
