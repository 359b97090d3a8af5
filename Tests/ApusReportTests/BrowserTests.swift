import ApusReport
import ApusTestSupport
import Foundation
import Testing

/// The page in a real browser, through `scripts/check-report`.
@Suite("A report in a browser", .slow)
struct BrowserTests {
    static let hasChromium =
        ["chromium", "chromium-browser", "google-chrome", "chrome"].contains { name in
            (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
                .contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(name)") }
        }

    @Test(
        "every part works with keyboard and pointer, in light and dark, wide and narrow",
        .enabled(if: hasChromium, "`apt-get install chromium` brings what it needs"))
    func works() throws {
        let result = try check(
            html(for: SampleReport.whole),
            expecting: ["the busiest expert got", "backward experts", "parameters-total"])
        #expect(result.status == 0, "\(result.text)")
    }

    @Test(
        "a page without any data works too, and one with hostile names",
        .enabled(if: hasChromium, "`apt-get install chromium` brings what it needs"))
    func worksAtTheEdges() throws {
        let empty = try check(html(for: ReportData(title: "empty", summary: "nothing")))
        #expect(empty.status == 0, "\(empty.text)")
        var hostile = SampleReport.whole
        let attack = "</script><script>console.error('out')</script><img src=x>"
        hostile.title = attack
        hostile.lengths[0].timeline?.stages[0].events[0].label = attack
        hostile.lengths[0].communication?.rows[0] = attack
        let result = try check(html(for: hostile), expecting: [attack])
        #expect(result.status == 0, "\(result.text)")
    }

    @Test(
        "the check finds a page that writes to the console, loads something or lacks a picture",
        .enabled(if: hasChromium, "`apt-get install chromium` brings what it needs"))
    func findsWhatIsBroken() throws {
        let page = html(for: SampleReport.whole)
        let logging = try check(page.replacing("start();\n", with: "start();console.error('x');\n"))
        #expect(logging.status == 1 && logging.text.contains("console.error: x"))
        let throwing = try check(page.replacing("start();\n", with: "start();missing();\n"))
        #expect(throwing.status == 1 && throwing.text.contains("uncaught exception"))
        // The policy forbids the picture, and says so in the browser's log.
        let loading = try check(page.replacing("</h1>", with: "</h1><img src=\"file:///x.png\">"))
        #expect(loading.status == 1 && loading.text.contains("browser's log"))
        let blank = try check(page.replacing("  draw(context", with: "  paintNothing(context"))
        #expect(blank.status == 1)
    }

    /// Runs the script on a page; its exit status and what it said.
    private func check(
        _ page: String, expecting texts: [String] = []
    ) throws -> (status: Int32, text: String) {
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "apus-report-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "report.html")
        try Data(page.utf8).write(to: file)
        let process = Process()
        process.executableURL = Repository.root.appending(path: "scripts/check-report")
        process.arguments = [file.path] + texts.flatMap { ["--expect", $0] }
        if let kept = ProcessInfo.processInfo.environment["APUS_SCREENSHOTS"], texts.count > 1 {
            process.arguments?.append(contentsOf: ["--screenshots", kept])
            try Data(page.utf8).write(to: URL(filePath: "\(kept)/sample.html"))
        }
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(
            decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }
}
