/// One deployment file: a model, the machines, the work, and the strategy for it.
package struct Deployment: Hashable, Sendable {
    package var model: Model
    package var cluster: Cluster?
    package var workload: Workload
    /// `nil` asks Apus to find one.
    package var plan: Plan?
    package var routing: Routing
    package var claims: [Claim]
    package var run: RunSettings

    package init(
        model: Model, cluster: Cluster?, workload: Workload, plan: Plan?, routing: Routing,
        claims: [Claim], run: RunSettings
    ) {
        self.model = model
        self.cluster = cluster
        self.workload = workload
        self.plan = plan
        self.routing = routing
        self.claims = claims
        self.run = run
    }
}
