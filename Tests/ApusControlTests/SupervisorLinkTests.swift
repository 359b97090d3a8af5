import ApusControl
import ApusSystem
import Testing

@Suite("supervisor link") struct SupervisorLinkTests {
    @Test("a rank of another launcher has no link")
    func isAbsent() throws {
        #expect(try SupervisorLink.connect(["RANK": "0", "APUS_REPORT_FD": "x"]) == nil)
    }

    @Test("a descriptor that is not open is an error")
    func refusesClosedDescriptor() {
        #expect(throws: SystemError("use descriptor", "60000", code: 9)) {
            try SupervisorLink.connect(["APUS_REPORT_FD": "3", "APUS_PARENT_FD": "60000"])
        }
    }

    @Test("reports and lines come through the pipe, one line each")
    func sends() throws {
        let (reading, writing) = try Descriptor.pipe()
        let link = SupervisorLink(pipe: writing)
        try link.report(.progress(step: 2, phase: "forward"))
        try link.send("{}")
        #expect(try reading.read() == Array("apus: step 2 forward\n{}\n".utf8))
    }
}
