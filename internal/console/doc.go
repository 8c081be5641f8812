// Package console is the web console below /_stagedoor/: pages rendered here
// with html/template, improved by htmx where it is there, complete without.
//
// It is a client of AWS. What it shows and changes it asks of the same
// operations as the aws CLI, with the credentials of whoever is looking, so that
// IAM decides what a person may see and do (visit.go). For what AWS has no
// operation for, the matrix of who may call whom above all, it declares the
// interfaces Gateway and Journal, which the root package fills in. Package
// stagedoor is the only caller; this package must never import the store, a
// service, the gateway or package stagedoor.
//
// # How to add a page
//
//  1. A file NAME.go with a function
//
//     func nameRoutes() []route
//
//     and one line in the table of routes.go. Routes with a nav label appear in
//     the navigation. A get handler returns a *page or an error; a post handler
//     returns a *done or an error; a raw handler (server-sent events, downloads)
//     writes by itself.
//
//  2. A template templates/NAME.html that defines "content". It is parsed when
//     it is first shown, together with base.html and partials.html, whose
//     header comment lists what is there: "empty", "matrix", "form", "command",
//     "badge" and more. The data of the template is the page itself: what the
//     handler put into page.Body is .Body.
//
//  3. Forms that change something: {{template "form" .}} inside <form
//     method="post">. It carries a token that is bound to the session and good
//     for one change: a page that is posted twice, or from before a restart, or
//     by another site, changes nothing and says why. Hide controls unless
//     .CanChange (read-only mode).
//
//  4. Errors: return them as they come. describe (problem.go) turns AWS's own
//     errors into pages with AWS's sentence and the remedy; a *problem is shown
//     as it is. Nothing half-rendered is ever sent.
//
// A handler gets a *visit: the request, the session, and the AWS clients of
// that session (v.apis(), v.functions(), …). URLs are made by the functions in
// urls.go: never by hand, names can hold anything.
//
// Everything works without JavaScript; htmx comes on top. When htmx asks for the
// element with the id x and the page's template defines "fragment-x", that is
// all that is rendered; the handler may look at v.fragment() and leave out what
// the fragment does not show. Changes are plain forms that lead to a page: what
// was done is told there ("done" in the address), with its aws commands and,
// where it can be taken back, Undo. There is no inline script or style, the CSP
// forbids both: what htmx cannot do is in assets/*.js, which find their elements
// by data attributes. How things look is in assets/console.css, whose classes
// are words for what a thing is.
//
// What is shown that no operation of AWS tells (the matrix, explanations, the
// journal) is shown to those only who may ask AWS for the same: an API's matrix
// to whom GetRestApi answers, the text of a policy to whom GetPolicy does.
//
// # Concurrency
//
// A Console is safe for concurrent use. Its own memory is bounded tables, each
// under its own mutex: signed-in sessions, one-time links, failed attempts to
// sign in, the outcomes of recent forms, and promotions under way. Streams and
// promotions end with Close.
package console
