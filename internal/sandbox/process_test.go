package sandbox_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/stagedoor/stagedoor/internal/sandbox"
	"github.com/stagedoor/stagedoor/internal/sandbox/sandboxtest"
)

func TestMain(m *testing.M) {
	sandbox.Main()
	goleak.VerifyTestMain(m)
}

func open(o sandbox.Options) (sandbox.Driver, error) { return with("")(o) }

func TestConformance(t *testing.T) {
	for _, isolation := range strong(t) {
		t.Run(isolation, func(t *testing.T) { sandboxtest.Run(t, with(isolation)) })
	}
}
