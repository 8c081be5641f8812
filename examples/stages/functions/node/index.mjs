// my-function-staging: answers which stage called it.
export const handler = async (event, context) => ({
  statusCode: 200,
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({
    stage: event.requestContext.stage,
    function: context.functionName,
    language: "JavaScript",
  }),
});
