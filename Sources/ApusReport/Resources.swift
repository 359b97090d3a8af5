/// Script and style of the page, from the files in `Resources`.
///
/// They are part of the binary, so a report can be written where nothing but the binary is.
enum Resources {
    static let style = text(PackageResources.report_css)

    /// All files in one function, so that the page has no global names.
    static let script =
        "(() => {\n\"use strict\";\n"
        + [
            PackageResources.format_js, PackageResources.picture_js, PackageResources.lines_js,
            PackageResources.cells_js, PackageResources.scatter_js, PackageResources.lanes_js,
            PackageResources.timeline_js, PackageResources.page_js,
        ].map(text).joined(separator: "\n") + "})();\n"

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
