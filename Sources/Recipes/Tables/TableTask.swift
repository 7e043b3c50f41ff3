// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Objectives
public import Reports
public import TokenData
import Training

/// A table as a task: a run file and the splits, made by looking at the numbers.
public struct TableTask {
  /// What the user says of it.
  public struct Options: Sendable {
    /// The column to learn.
    public var target: String
    /// Columns to ask from; nil: all that say something.
    public var columns: [String]?
    /// Digits behind the answer's point; nil: those worth a token.
    public var decimals: Int?
    /// Folder or name of the model; nil: the default model.
    public var model: String?
    /// Seed of the splits.
    public var seed: UInt64

    /// Memberwise.
    public init(target: String, columns: [String]? = nil, decimals: Int? = nil, model: String? = nil, seed: UInt64 = 0)
    {
      (self.target, self.columns, self.decimals, self.model, self.seed) = (target, columns, decimals, model, seed)
    }
  }

  private let rows: TableRows
  private let options: Options
  private let plan: TablePlan
  private let split: TableSplit
  private let lost: (missing: Int, others: Int)

  /// The model that learns it.
  public var model: String { options.model ?? "SmolLM2-135M-Instruct" }

  /// Looks at a table.
  ///
  /// - Throws: `InputError` for files that cannot be read, a column that is not there or no number, and fewer than ten
  ///   different rows.
  public init(_ source: DataSource, _ options: Options, terminal: Terminal = .standardError) throws {
    let rows = try TableRows(source)
    self.rows = rows
    self.options = options
    for name in [options.target] + (options.columns ?? []) where rows.index(of: name) == nil {
      let near = nearestName(to: name, among: rows.columns).map { "Is \($0.orNoName) meant?" } ?? ""
      throw InputError(
        path: source.path, place: "column \(name)", expected: "a column of the table",
        found: rows.columns.prefix(16).map(\.orNoName).joined(separator: ", ") + (rows.columns.count > 16 ? ", …" : ""),
        remedy: near)
    }
    let (surveys, leaks) = try ProgressBar.quick("looking at \(source.name)", unit: "row", terminal: terminal) {
      try Self.survey(rows, target: options.target, progress: $0)
    }
    guard let target = surveys.first(where: { $0.name == options.target }) else { preconditionFailure("no target") }
    try Self.check(target, source.path)
    plan = TablePlan(
      surveys, target: target, leaks: leaks, chosen: options.columns, decimals: options.decimals, rows: rows.count)
    guard !plan.inputs.isEmpty else {
      throw InputError(
        path: source.path, expected: "a column beside \(options.target) to ask from",
        found: (["none that says something"] + plan.leftOut.map { String($0.dropLast()) }).joined(separator: ". "),
        remedy: "Name some: --columns a,b.")
    }
    (split, lost) = try Self.split(rows, plan, seed: options.seed)
    guard split.questions >= 10 else {
      throw InputError(
        path: source.path, expected: "ten rows that ask different things, to split them",
        found: "\(split.questions) of \(rows.count)",
        remedy:
          "Rows that ask the same count once, rows that lack a value do not count: bring more rows, or name other "
          + "columns with --columns.")
    }
  }

  private static func survey(
    _ rows: TableRows, target: String, progress: (Int, Int) -> Void
  ) throws -> (surveys: [ColumnSurvey], leaks: [String: Double]) {
    var surveys = rows.columns.map { ColumnSurvey($0) }
    var covariances = [Covariance](repeating: Covariance(), count: surveys.count)
    let answer = rows.index(of: target) ?? 0
    for index in 0..<rows.count {
      let cells = try rows.cells(index)
      let truth = DecimalNumber(cells[answer])?.value
      for (column, cell) in cells.enumerated() {
        let value = surveys[column].add(cell, place: rows.place(index))
        if let truth, let value, column != answer { covariances[column].add(value, truth) }
      }
      if index % 1024 == 0 { progress(index, rows.count) }
    }
    let leaks = zip(surveys, covariances).compactMap { survey, covariance in
      survey.isNumeric ? covariance.correlation.map { (survey.name, $0) } : nil
    }
    return (surveys, Dictionary(leaks) { first, _ in first })
  }

  private static func check(_ target: ColumnSurvey, _ path: String) throws {
    let odd = target.oddity.map { "\"\($0.text.prefix(40))\" at \($0.place)" } ?? "none"
    guard target.numbers > 0, target.texts * 20 <= target.values else {
      throw InputError(
        path: path, place: "column \(target.name)", expected: "numbers such as 326 or 0.5",
        found: "\(target.texts) of \(target.values) values that are no numbers, the first \(odd)",
        remedy: odd.contains(",")
          ? "Write a point for a decimal comma, and no commas between thousands."
          : "Correct such rows, or name another column with --target.")
    }
    guard !target.isConstant, target.low < target.high else {
      throw InputError(
        path: path, place: "column \(target.name)", expected: "different numbers to learn",
        found: "the same everywhere", remedy: "Name another column with --target.")
    }
    let decimals = target.decimals(share: 0.005)
    guard target.mostDigits + decimals <= ValueFormat.largestDigits else {
      throw InputError(
        path: path, place: "column \(target.name)", expected: "numbers of at most \(ValueFormat.largestDigits) digits",
        found: "\(target.mostDigits) before the point and \(decimals) behind it that tell them apart",
        remedy: "\(target.mostDigits > decimals ? "Divide" : "Multiply") them by a power of ten.")
    }
  }

  private static func split(
    _ rows: TableRows, _ plan: TablePlan, seed: UInt64
  ) throws -> (TableSplit, lost: (missing: Int, others: Int)) {
    let inputs = plan.inputs.compactMap { rows.index(of: $0.column) }, answer = rows.index(of: plan.target) ?? 0
    let numbers = Set(plan.inputs.filter { $0.form != nil }.map(\.column))
    var lost = (missing: 0, others: 0)
    let keys = try (0..<rows.count).map { index -> (question: RowKey, answer: RowKey)? in
      let cells = try rows.cells(index)
      guard !ColumnSurvey.isMissing(cells[answer]), inputs.allSatisfy({ !ColumnSurvey.isMissing(cells[$0]) }) else {
        lost.missing += 1
        return nil
      }
      guard let written = plan.answer.write(cells[answer]),
        inputs.allSatisfy({ !numbers.contains(rows.columns[$0]) || DecimalNumber(cells[$0]) != nil })
      else {
        lost.others += 1
        return nil
      }
      // What the model reads, so that two rows that round to the same are the same.
      let forms = plan.inputs.map(\.form)
      let question = zip(inputs, forms).map { $1?.write(cells[$0]) ?? cells[$0] }
      return (RowKey(question), RowKey([written]))
    }
    return (TableSplit(keys, seed: seed), lost)
  }

  // MARK: Files

  /// Writes `train.csv`, `valid.csv`, `test.csv` and the run file into a folder.
  ///
  /// Files that are there and equal stay: the same command goes on where it was interrupted.
  ///
  /// - Parameters:
  ///   - name: of the run file, without ending.
  ///   - command: what the user typed.
  /// - Returns: the run file.
  /// - Throws: `InputError` if the folder holds another run file of that name, or cannot be written.
  public func write(to folder: String, name: String, command: String) throws -> String {
    let path = "\(folder)/\(name).yaml", yaml = try runFile(command, in: folder)
    if fileExists(path), try !fileBytes(path, limit: 1 << 24).elementsEqual(yaml.utf8) {
      throw InputError(
        path: path, expected: "a new folder, or what the same command wrote", found: "another run file",
        remedy: "Train from it: dist2 train \(path); or remove \(folder), which is then written anew.")
    }
    let chosen = plan.inputs.map(\.column) + [plan.target]
    let order = chosen.compactMap(rows.index)
    var writers = [TableSplit.Part: TableWriter]()
    for part in TableSplit.Part.allCases { writers[part, default: TableWriter()].add(chosen) }
    for index in 0..<rows.count {
      guard let part = split.parts[index] else { continue }
      let cells = try rows.cells(index)
      writers[part]?.add(order.map { cells[$0] })
    }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for part in TableSplit.Part.allCases {
      try AtomicFile.write(writers[part]?.bytes ?? [], to: "\(folder)/\(part.rawValue).csv")
    }
    try AtomicFile.write(yaml.utf8, to: path)
    return path
  }

  /// Settings of the run file that ``write(to:name:command:)`` writes, with keys set anew as `--set` does. Nothing is
  /// written.
  ///
  /// - Throws: `InputError` naming the assignment that is refused.
  public func settings(in folder: String, name: String, overrides: [String]) throws -> RunSettings {
    try RunSettings(yaml: runFile("", in: folder), path: "\(folder)/\(name).yaml", overrides: overrides)
  }

  /// Passes over the training rows: more where there are few.
  private var epochs: Int {
    let rows = split.count(.train)
    return rows < 500 ? 10 : rows < 5000 ? 5 : rows < 50_000 ? 3 : 1
  }

  /// What was chosen as comments, then the keys that differ from their defaults.
  private func runFile(_ command: String, in folder: String) throws -> String {
    let distances = "Distance: squared; absolute and relative (10 to 11 is as far as 100 to 110) are others."
    let notes = (remarks + [distances]).flatMap { $0.wrapped(to: 78) }.map { "# \($0)\n" }.joined()
    return try "# Made by: \(command.onOneLine)\n#\n\(notes)" + settings(in: folder).short(in: folder).yaml
  }

  private func settings(in folder: String) throws -> RunSettings {
    let metric = String(plan.target.map { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "-" ? $0 : "_" })
    return RunSettings(
      model: model,
      data: DataSettings(
        train: "\(folder)/train.csv", valid: "\(folder)/valid.csv", test: "\(folder)/test.csv",
        columns: try ColumnTemplate(prompt: plan.prompt, completion: plan.completion)),
      metrics: [MetricSettings(name: metric, tokens: .digits)], objective: ObjectiveSettings(preset: .valueDrawn),
      train: TrainSettings(length: .epochs(Double(epochs)), batch: 8, learningRate: 1e-4),
      // What absolute errors are least with; `generate` gives it, too.
      evaluate: EvaluateSettings(readOut: .median))
  }

  // MARK: Words

  /// What was chosen, and why.
  private var remarks: [String] {
    var remarks = plan.remarks
    let count = TableSplit.Part.allCases.map { "\(Quantity.count(split.count($0))) to \($0.rawValue)" }
    remarks.append(
      "\(Quantity.count(rows.count)) rows in the table: \(count.joined(separator: ", ")), drawn by seed \(options.seed)."
    )
    func leaveOut(_ count: Int, _ why: String) {
      if count > 0 { remarks.append("Left out \(Quantity.counted(count, "row")) \(why).") }
    }
    leaveOut(lost.missing, "without a value in a column of these")
    leaveOut(lost.others, "with text where numbers are")
    leaveOut(split.duplicates, "found a second time")
    if split.repeated > 0 {
      remarks.append(
        "\(Quantity.count(split.repeated)) rows ask what another asks, with another answer: such rows are on one side of "
          + "the split.")
    }
    return remarks
  }

  /// The first training row as prompt and answer, and what was chosen, in lines that fit a terminal.
  public func text(_ terminal: Terminal) throws -> String {
    var lines = [String]()
    if let index = split.parts.firstIndex(of: .train) {
      let template = try ColumnTemplate(prompt: plan.prompt, completion: plan.completion)
      let record = try RecordReader(template: template).record(rows.files, index)
      if case .promptCompletion(let prompt, let answer) = record.content {
        lines += (prompt + (answer ?? "")).split(separator: "\n").map {
          "    " + terminal.prose(String($0), indent: 4)
        }
        lines.append("")
      }
    }
    lines += remarks.map { "- " + terminal.prose($0, indent: 2) }
    return lines.joined(separator: "\n")
  }
}
