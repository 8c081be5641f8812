package sandbox

import "os"

// plain is no isolation but for own directories and a process group: what is
// left where neither bubblewrap nor namespaces work.
type plain struct{ why string }

func (p *plain) wrap(c *command) error {
	if err := os.MkdirAll(c.tmpDir, 0o700); err != nil {
		return err
	}
	c.taskRoot, c.runtimeIn, c.tmpIn = c.taskDir, c.runtime, c.tmpDir
	return nil
}

func (p *plain) describe() Isolation {
	return Isolation{
		Name:  "plain process",
		Holds: []string{"own TMPDIR per environment", "code files without write permission"},
		Lacks: []string{
			"no file isolation: functions see and write this user's files, and /tmp is this machine's: " + p.why,
			"LAMBDA_TASK_ROOT is a directory of stagedoor's cache, not /var/task",
			"memory is watched every 50 ms, not limited by the kernel",
		},
	}
}
