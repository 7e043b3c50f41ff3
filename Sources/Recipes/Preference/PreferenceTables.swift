// SPDX-License-Identifier: Apache-2.0
public import Files
public import Reports

extension PreferenceReport {
  /// The figures for people, in percent: subsets below the section they belong to, then the means.
  public var table: Table {
    var table = Table(
      "\(rewardModel): accuracy on \(total.examples) preferences, %",
      columns: [
        Table.Column("part"), Table.Column("examples"), Table.Column("accuracy"), Table.Column("ties as 0"),
      ])
    // A subset stands below the first section that it is part of.
    var shown = Set<String>()
    for section in sections {
      for figure in subsets where section.parts.contains(figure.name) && shown.insert(figure.name).inserted {
        table.add(figure.row("  " + figure.name))
      }
      table.add(section.row(section.name).map(\.emphasized))
    }
    for figure in subsets where !shown.contains(figure.name) { table.add(figure.row(figure.name)) }
    if let average { table.add(average.row(average.name).map(\.emphasized)) }
    if subsets.count > 1 || average == nil { table.add(total.row(total.name)) }
    table.notes =
      notes + (ties > 0 ? ["\(ties) ties: shared in accuracy, 0 in the benchmark's own count of pairs."] : [])
    return table
  }

  /// One row a language; nil for a benchmark of one.
  public var languageTable: Table? {
    guard !languages.isEmpty else { return nil }
    let names = sections.map(\.name)
    var table = Table(
      "\(rewardModel): accuracy by language, %",
      columns: [Table.Column("language"), Table.Column("examples")] + names.map { Table.Column($0) }
        + (average == nil ? [] : [Table.Column("average")]) + [Table.Column("all")])
    for (name, report) in languages {
      let figures =
        names.map { name in report.sections.first { $0.name == name } }
        + (average == nil ? [] : [report.average])
      table.add(
        [.text(name), .count(report.total.examples)]
          + figures.map { $0.map { .number(100 * $0.accuracy, decimals: 1) } ?? .missing } + [report.total.cell])
    }
    return table
  }

  /// The figures for programs, as shares of one.
  public var json: JSON {
    var object = JSONObject()
    object["rewardModel"] = .string(rewardModel)
    object["judge"] = .string(rewardModel)  // the name of earlier versions, for one more
    object["examples"] = .int(total.examples)
    object["ties"] = .int(ties)
    object["all"] = total.json
    object["average"] = average?.json
    for (key, figures) in [("sections", sections), ("subsets", subsets)] where !figures.isEmpty {
      var members = JSONObject()
      for figure in figures { members[figure.name] = figure.json }
      object[key] = .object(members)
    }
    if !languages.isEmpty {
      var members = JSONObject()
      for (name, report) in languages { members[name] = report.json }
      object["languages"] = .object(members)
    }
    object["notes"] = .array(notes.map { .string($0) })
    return .object(object)
  }
}

extension PreferenceReport.Figure {
  fileprivate var cell: Table.Cell {
    guard let interval else { return .number(100 * accuracy, decimals: 1) }
    let percent = ConfidenceInterval(low: 100 * interval.low, high: 100 * interval.high, level: interval.level)
    return .interval(100 * accuracy, percent, decimals: 1)
  }

  fileprivate func row(_ title: String) -> [Table.Cell] {
    [.text(title), .count(examples), cell, .number(100 * official, decimals: 1)]
  }

  fileprivate var json: JSON {
    var object = JSONObject()
    object["examples"] = .int(examples)
    object["accuracy"] = .double(accuracy)
    object["official"] = .double(official)
    object["low"] = interval.map { .double($0.low) }
    object["high"] = interval.map { .double($0.high) }
    return .object(object)
  }
}
