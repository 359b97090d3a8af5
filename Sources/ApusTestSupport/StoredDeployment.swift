import ApusBase
package import ApusPlan

extension DeploymentFile {
    /// A deployment of this repository, with the files that it names.
    package static func stored(_ path: String) throws -> DeploymentFile {
        try readDeployment(text: Repository.text(path), file: path) { named throws(Problems) in
            guard let text = try? Repository.text(named) else {
                throw Problems([
                    Diagnostic(.system, location: .init(file: named), problem: "no file")
                ])
            }
            return Array(text.utf8)
        }
    }
}
