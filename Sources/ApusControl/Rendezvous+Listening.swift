package import ApusBase
import ApusSystem

extension Rendezvous {
    /// The number of a socket that listens at one address of this host and the job's port, for the
    /// store that this rank serves and that closes it.
    ///
    /// It is made here because c10d's store would listen on every interface.
    package func listen(at address: String) throws(Problems) -> Int32 {
        do throws(SystemError) {
            return try ListeningSocket(address: address, port: masterPort).descriptor.duplicate()
        } catch {
            throw Problems([refusal(error, address)])
        }
    }

    private func refusal(_ error: SystemError, _ address: String) -> Diagnostic {
        let problem =
            "rank 0 cannot listen on `\(address)` port \(masterPort): \(error.reason)"
        if error.isAddressElsewhere {
            return Diagnostic(
                .rendezvous, problem: problem, expected: "an address of the host of rank 0",
                hint: "set `MASTER_ADDR` to the host on which rank 0 runs, the same for all ranks")
        }
        return Diagnostic(
            .rendezvous, problem: problem,
            expected: "a port from 1024 to 65535 that nobody listens on",
            hint: "set another `MASTER_PORT`, the same for all ranks")
    }
}
