// SPDX-License-Identifier: Apache-2.0
public import Files
import Foundation
public import Reports

/// The paper's claims in one list: what was found here, by which command, or which command would find it.
public struct ClaimsReport {
  /// One claim of the paper.
  struct Entry {
    let claim: PaperClaim
    /// Findings of experiments, with the folder and the command of each; several where several looked at it.
    var found: [(finding: JudgedFinding, folder: String, command: String)] = []
  }

  /// A claim as a report holds it.
  struct JudgedFinding {
    let finding: String
    let conclusion: Conclusion
  }

  private var entries: [Entry]
  /// Reports that could not be read, and why.
  private var unread: [String] = []

  /// Reads the reports of experiments.
  ///
  /// - Parameter folder: where their folders are, `runs`; nil for none.
  /// - Throws: `InputError` if there is no such folder.
  public init(in folder: String?) throws {
    entries = PaperClaim.all.map { Entry(claim: $0) }
    for index in entries.indices {
      guard case .computed(let compute) = entries[index].claim.source else { continue }
      let found = try compute()
      entries[index].found.append(
        (JudgedFinding(finding: found.finding, conclusion: found.conclusion), "", "computed now"))
    }
    guard let folder else { return }
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder).sorted() else {
      throw InputError(
        path: folder, expected: "a folder that holds the folders of experiments", found: "none",
        remedy: "dist2 reproduce makes them below runs.")
    }
    for path in names.map({ "\(folder)/\($0)" }) where fileExists(path + "/report.json") {
      // One report that cannot be read hides no other.
      do { try read(path) } catch let error as InputError { unread.append("\(error)") }
    }
  }

  private mutating func read(_ folder: String) throws {
    let path = folder + "/report.json"
    let report = try JSONReader(JSON(parsing: String(decoding: fileBytes(path), as: UTF8.self), path: path), path: path)
    guard let claims = try report.ifPresent("claims") else { return }  // a report of something else
    let command = try report.string(at: "command")
    for claim in try claims.elements() {
      let id = try claim.string(at: "id")
      guard let index = entries.firstIndex(where: { $0.claim.id == id }) else { continue }
      let word = try claim.string(at: "conclusion")
      guard let conclusion = Conclusion(rawValue: word) else {
        throw claim.error(expected: "a conclusion that this version knows", found: word)
      }
      entries[index].found.append(
        (JudgedFinding(finding: try claim.string(at: "finding"), conclusion: conclusion), folder, command))
    }
  }

  /// A row a claim.
  public var table: Table {
    var table = Table(
      "The paper's claims",
      columns: [Table.Column("claim"), Table.Column("paper"), Table.Column("found here"), Table.Column("from")])
    for entry in entries {
      let found = entry.found.map(\.finding.conclusion.words).joined(separator: "; ")
      let from = entry.found.map { $0.folder.isEmpty ? $0.command : $0.folder }.joined(separator: "; ")
      table.add([
        .text("\(entry.claim.id) \(entry.claim.text)"), .text(entry.claim.paper),
        .text(found.isEmpty ? "not run" : found), .text(from.isEmpty ? entry.claim.missing : from),
      ])
    }
    return table
  }

  /// For the terminal.
  public func text(_ terminal: Terminal) -> String {
    entries.map { entry in
      let head = terminal.prose("\(entry.claim.id) \(entry.claim.text) (paper: \(entry.claim.paper))")
      let lines = entry.found.flatMap { found in
        ["\(found.finding.conclusion.words): \(found.finding.finding)"]
          + (found.folder.isEmpty ? [] : ["\(found.folder): \(found.command)"])
      }
      let below = lines.isEmpty ? ["not run: \(entry.claim.missing)"] : lines
      return ([terminal.styled(head, .bold)] + below.map { "   " + terminal.prose($0, indent: 3) })
        .joined(separator: "\n")
    }.joined(separator: "\n") + "\n" + unread.map { "note: \(terminal.prose($0, indent: 6))\n" }.joined()
  }

  /// For `docs/experiments/`.
  public var markdown: String { table.markdown }

  /// For programs.
  public var json: JSON {
    .array(
      entries.map { entry in
        [
          "id": .string(entry.claim.id), "claim": .string(entry.claim.text), "paper": .string(entry.claim.paper),
          "found": .array(
            entry.found.map { found in
              [
                "conclusion": .string(found.finding.conclusion.rawValue), "finding": .string(found.finding.finding),
                "folder": .string(found.folder), "command": .string(found.command),
              ]
            }),
          "missing": entry.found.isEmpty ? .string(entry.claim.missing) : .null,
        ]
      })
  }
}

extension Conclusion {
  fileprivate var words: String {
    switch self {
    case .better: "holds here"
    case .worse: "the opposite is shown"
    case .mixed: "shown in part"
    case .noDifferenceShown: "no difference shown"
    case .undecided: "undecided"
    case .equivalent: "holds here, within the margin"
    case .different: "does not hold here"
    }
  }
}

extension PaperClaim {
  /// What would look at it.
  fileprivate var missing: String {
    switch source {
    case .computed: ""
    case .experiment(let command, let takes): "\(command) (\(takes))"
    case .none(let words): words
    }
  }
}
