from sage.core.api import LocalEnvironment

env = LocalEnvironment("hello-sage")

(env
 .from_collection(["Hello", "World", "SAGE"])
 .map(lambda x: f"Processed: {x}")
 .print()
)

env.submit()
