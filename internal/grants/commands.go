package grants

// PolicyLimit is the size in bytes that Lambda lets no function policy exceed.
const PolicyLimit = policyLimit

// StatementID is the id that a fix gives to the statement for a call's method,
// unless the policy has it already.
func StatementID(c *Call) string { return statementID(nil, c) }

// Command joins words into a line for a POSIX shell, quoted where needed.
func Command(words ...string) string { return command(words...) }
