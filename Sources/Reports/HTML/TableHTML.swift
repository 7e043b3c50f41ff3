// SPDX-License-Identifier: Apache-2.0
extension Table {
  /// The table as HTML, in a frame that scrolls, its first column staying, where the page is narrower than it.
  public var html: String {
    var html = MarkupWriter()
    let label = caption.isEmpty ? "Table" : caption
    html.element("figure", ["class": "table"]) { html in
      if !caption.isEmpty { html.element("figcaption", text: caption) }
      html.element("div", ["class": "scroll", "role": "region", "aria-label": label, "tabindex": "0"]) { html in
        html.element("table") { writeTable(to: &$0) }
      }
      for note in notes { html.element("p", ["class": "note"], text: note) }
    }
    return html.text
  }

  private func writeTable(to html: inout MarkupWriter) {
    html.element("thead") { head in
      if columns.contains(where: { $0.group != nil }) { writeGroups(to: &head) }
      writeTitles(to: &head)
    }
    html.element("tbody") { body in
      for row in rows {
        body.element("tr") { line in
          for (column, cell) in row.enumerated() { write(cell, column, to: &line) }
        }
      }
    }
  }

  private func writeGroups(to head: inout MarkupWriter) {
    head.element("tr", ["class": "groups"]) { head in
      var column = 0
      while column < columns.count {
        let group = columns[column].group
        var end = column + 1
        while end < columns.count, group != nil, columns[end].group == group { end += 1 }
        if let group {
          let kind = column > 0 ? "group first" : "group"
          head.element("th", ["class": kind, "colspan": "\(end - column)", "scope": "colgroup"], text: group)
        } else {
          head.element("th", text: "")
        }
        column = end
      }
    }
  }

  private func writeTitles(to head: inout MarkupWriter) {
    head.element("tr") { head in
      for column in columns.indices {
        head.element("th", ["class": classes(column), "scope": "col"], text: columns[column].title)
      }
    }
  }

  private func classes(_ column: Int) -> String {
    let startsGroup = column > 0 && columns[column].group != nil && columns[column].group != columns[column - 1].group
    let side =
      switch alignment(of: column) {
      case .left: "left"
      case .right: "right"
      case .center: "center"
      }
    return startsGroup ? side + " first" : side
  }

  private func write(_ cell: Cell, _ column: Int, to html: inout MarkupWriter) {
    var kind = classes(column)
    if cell.isMissing { kind += " missing" }
    // Only long text may wrap; a number never does.
    if cell.value == nil, cell.text.displayWidth > 24 { kind += " text" }
    let value = cell.valueText.escapedForMarkup
    let side = String(cell.text.dropFirst(cell.valueText.count)).escapedForMarkup
    let shown = cell.isEmphasized ? "<b>\(value)</b>" : value
    let content =
      side.isEmpty ? shown : "\(shown)<span class=\"\(cell.interval == nil ? "side" : "side interval")\">\(side)</span>"
    let name = column == 0 ? "th" : "td"
    let scope = column == 0 ? " scope=\"row\"" : ""
    html.raw("<\(name) class=\"\(kind)\"\(scope)>\(content)</\(name)>\n")
  }
}
