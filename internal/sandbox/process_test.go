package sandbox_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/stagedoor/stagedoor/internal/sandbox"
	"github.com/stagedoor/stagedoor/internal/sandbox/sandboxtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(o sandbox.Options) (sandbox.Driver, error) { return sandbox.NewProcess(o) }

func TestConformance(t *testing.T) { sandboxtest.Run(t, open) }
