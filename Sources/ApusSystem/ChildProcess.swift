import Glibc

/// A process that this one started and looks after.
///
/// It leads a process group of its own. So Ctrl-C at a terminal reaches the supervisor alone, which
/// then decides what its ranks shall do, and a signal for a rank reaches what the rank started too.
///
/// It is a class because a process has an identity: once it is reaped, its number may belong to
/// somebody else, and no copy may send a signal there.
package final class ChildProcess {
    /// What a new process is given; nothing else is inherited, standard input is empty.
    package struct Configuration {
        /// The program's path and its arguments, with the program's name as the first.
        package var program: String
        package var arguments: [String]
        package var environment: [String: String]
        /// Which descriptor of this process the new one finds under which number.
        package var descriptors: [Int32: Descriptor]

        package init(
            program: String, arguments: [String], environment: [String: String],
            descriptors: [Int32: Descriptor] = [:]
        ) {
            self.program = program
            self.arguments = arguments
            self.environment = environment
            self.descriptors = descriptors
        }
    }

    package let pid: Int32
    /// How the process ended, once ``poll()`` has found out.
    package private(set) var status: ProcessExit?

    /// Starts a process with an empty standard input and, unless `descriptors` names them, with the
    /// standard output and error of this one.
    package init(_ configuration: Configuration) throws(SystemError) {
        pid = try spawn(configuration)
    }

    deinit {
        guard poll() == nil else { return }
        _ = kill(-pid, SIGKILL)
        // A process that hangs in the kernel cannot be ended; it is not worth hanging with it.
        let limit = monotonicSeconds() + 2
        while poll() == nil, monotonicSeconds() < limit { usleep(1_000) }
    }

    /// Looks, without waiting, whether the process has ended; what is left of its group is killed.
    package func poll() -> ProcessExit? {
        if let status { return status }
        // Look first and reap after: until it is reaped nobody else can have its number, so the
        // signal for the rest of its group cannot go astray.
        var information = siginfo_t()
        let found = retrying {
            waitid(P_PID, id_t(pid), &information, WEXITED | WNOHANG | WNOWAIT)
        }
        guard found == 0, information.si_signo == SIGCHLD else { return nil }
        _ = kill(-pid, SIGKILL)
        var word: Int32 = 0
        guard retrying({ waitpid(pid, &word, 0) }) == pid else { return nil }
        status = ProcessExit(waitStatus: word)
        return status
    }

    /// Sends a signal to the process and to what it started, unless it has ended.
    package func send(_ signal: Signal) {
        guard poll() == nil else { return }
        // The group does not exist before the process has begun to run; then the process does.
        if kill(-pid, signal.rawValue) != 0 { _ = kill(pid, signal.rawValue) }
    }
}

/// Starts a process and returns its number.
private func spawn(_ configuration: ChildProcess.Configuration) throws(SystemError) -> Int32 {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
    posix_spawnattr_setflags(&attributes, Int16(flags))
    posix_spawnattr_setpgroup(&attributes, 0)
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)

    // Copies above all numbers in use, so that placing one descriptor overwrites no other.
    let ceiling = max(2, configuration.descriptors.keys.max() ?? 0) + 1
    var copies: [(number: Int32, copy: Descriptor)] = []
    for (number, descriptor) in configuration.descriptors.sorted(by: { $0.key < $1.key }) {
        let copy = fcntl(descriptor.number, F_DUPFD_CLOEXEC, ceiling)
        guard copy >= 0 else { throw SystemError("start", configuration.program, code: errno) }
        copies.append((number, Descriptor(takingOver: copy)))
    }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    for (number, copy) in copies {
        posix_spawn_file_actions_adddup2(&actions, copy.number, number)
    }
    for number in openDescriptors() where number > 2 && configuration.descriptors[number] == nil {
        posix_spawn_file_actions_addclose(&actions, number)
    }

    var pid: pid_t = 0
    let environment = configuration.environment.sorted { $0.key < $1.key }
    let status = withCStrings(configuration.arguments) { arguments in
        withCStrings(environment.map { "\($0.key)=\($0.value)" }) { variables in
            posix_spawn(
                &pid, configuration.program, &actions, &attributes, arguments, variables)
        }
    }
    guard status == 0 else { throw SystemError("start", configuration.program, code: status) }
    return withExtendedLifetime(copies) { pid }
}

/// Calls `body` with a null-terminated array of C strings that lives until it returns.
private func withCStrings<Result>(
    _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
) -> Result {
    let pointers = strings.map { strdup($0) }
    defer { pointers.forEach { free($0) } }
    return body(pointers + [nil])
}

/// The numbers of the descriptors that this process has open.
package func openDescriptors() -> [Int32] {
    guard let stream = opendir("/proc/self/fd") else { return [] }
    defer { closedir(stream) }
    let own = dirfd(stream)
    var numbers: [Int32] = []
    while let entry = readdir(stream) {
        let number = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
            Int32(String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self))
        }
        if let number, number != own { numbers.append(number) }
    }
    return numbers.sorted()
}
