/// A column of a table: numbers stand at the right.
struct Column {
    var name: String
    var isNumber = true

    static func words(_ name: String) -> Column { Column(name: name, isNumber: false) }
    static func number(_ name: String) -> Column { Column(name: name) }
}

extension HTML {
    static func paragraph(_ text: String, class style: String = "") -> HTML {
        element("p", style.isEmpty ? [:] : ["class": style], [.prose(text)])
    }

    /// A table that scrolls by itself where the screen is too narrow for it.
    ///
    /// The first cell of a row names it.
    static func table(_ caption: String, _ columns: [Column], rows: [[HTML]]) -> HTML {
        let head = columns.map { column in
            HTML.element(
                "th", ["scope": "col", "class": column.isNumber ? "number" : "words"],
                text: column.name)
        }
        let body = rows.map { row in
            HTML.element(
                "tr", [:],
                zip(columns, row).enumerated().map { index, cell in
                    let style = cell.0.isNumber ? "number" : "words"
                    return index == 0
                        ? HTML.element("th", ["scope": "row", "class": style], [cell.1])
                        : HTML.element("td", ["class": style], [cell.1])
                })
        }
        let table = HTML.element(
            "table", [:],
            [
                .element("caption", text: caption),
                .element("thead", [:], [.element("tr", [:], head)]),
                .element("tbody", [:], body),
            ])
        return .element(
            "div",
            ["class": "scroll", "tabindex": "0", "role": "region", "aria-label": caption], [table])
    }

    static func table(_ caption: String, _ columns: [Column], texts: [[String]]) -> HTML {
        table(caption, columns, rows: texts.map { $0.map { .text($0) } })
    }

    /// What stands behind a line to click.
    static func details(_ summary: String, _ content: [HTML]) -> HTML {
        element("details", [:], [element("summary", text: summary)] + content)
    }

    /// A place that the script fills with a picture.
    static func picture(_ kind: String, _ index: Int = 0) -> HTML {
        element(
            "div", ["class": "picture", "data-picture": kind, "data-index": "\(index)"],
            [.paragraph("The picture needs a browser that runs scripts.", class: "absent")])
    }

    /// A part of the page with its title.
    static func section(
        _ id: String, _ title: String, _ lead: String? = nil, content: [HTML]
    ) -> HTML {
        let opening =
            [element("h2", text: title)]
            + (lead.map { [.paragraph($0, class: "lead")] } ?? [])
        return element("section", ["id": "\(id)"], opening + content)
    }
}

/// What the page says in place of a part that it has no data for, and what would bring it.
func absent(_ what: String, _ remedy: String) -> HTML {
    .element(
        "p", ["class": "absent"],
        [.element("strong", text: what + "."), .prose(" " + remedy)])
}

/// A part of the page, or what it says where there is nothing to show.
enum PagePart {
    case shown(id: String, name: String, HTML)
    case missing(id: String, what: String, remedy: String)
}
