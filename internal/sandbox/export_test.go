package sandbox

import "time"

// SetInitLimit shortens the init phase for tests.
func (p *Process) SetInitLimit(d time.Duration) { p.initLimit = d }
