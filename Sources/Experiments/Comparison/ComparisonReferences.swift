// SPDX-License-Identifier: Apache-2.0
import Files
import Recipes
public import Reports
import TokenData
import Training

/// What the reference model says of the responses, computed once for all runs that read the same tokens.
extension ComparisonExperiment {
  /// Computes it before the runs, which go side by side.
  public func prepare(in folder: String, _ terminal: Terminal) throws {
    guard isOfResponses else { return }
    var seen = Set<String>()
    for variant in compared {
      for seed in seeds {
        let shared = referenceFolder(variant, seed: seed, in: folder)
        let made = try responses(variant, settings(variant, seed: seed, output: folder + "/runs"), reference: shared)
        guard made.readsShared, seen.insert("\(shared) \(made.mode == .precomputed)").inserted else { continue }
        let run = RunFolder(folder), data = made.settings.data
        if made.mode == .precomputed {
          for (name, source, limit) in [("train", data.train, data.limit), ("valid", data.valid, nil)] {
            guard let source else { continue }
            _ = try made.precomputed(made.responses(source, limit: limit), name, run, terminal)
          }
        }
        _ = try made.testReference(made.heldOut(made.testSource), terminal)
      }
    }
  }

  /// Setup of a variant.
  ///
  /// - Parameter reference: folder of what the reference model says, unless the run file names one.
  func responses(
    _ variant: ComparisonVariant, _ settings: RunSettings, reference: String
  ) throws -> ResponseArtifacts {
    let made = try ResponseArtifacts(settings)
    guard made.readsShared, settings.reference.folder == nil else { return made }
    var settings = settings
    settings.reference.folder = reference
    return try ResponseArtifacts(settings)
  }

  /// One for all runs whose responses are the same tokens and whose reference model is the same: by how lines are read, by
  /// keys outside the objective that variants differ in, and by the seed where it chooses examples or weights.
  func referenceFolder(_ variant: ComparisonVariant, seed: Int, in folder: String) -> String {
    let isSingle = (try? variant.choice.learnsSingleResponses) ?? false
    let isOfSeed = run.train.fromScratch || run.data.limit != nil
    let others = variant.point.filter { !$0.key.hasPrefix("objective.") }.map { "\($0.key)-\($0.value)" }
    let parts = [isSingle ? "single" : "responses"] + others + (isOfSeed ? ["seed\(seed)"] : [])
    let name = parts.joined(separator: "-")
    return "\(folder)/reference/" + String(name.map { $0.isLetter || $0.isNumber || $0 == "." ? $0 : "-" })
  }
}

extension ResponseArtifacts {
  /// Whether a reference model is read that is not the trained model itself: what it says can be shared.
  fileprivate var readsShared: Bool {
    mode != nil && mode != .withoutAdapters && ResponseEvaluation.passes(of: self) == 2
  }

  /// What is tested on.
  var testSource: DataSource {
    guard let source = settings.data.test ?? settings.data.valid else { preconditionFailure("nothing to test on") }
    return source
  }

  /// What the reference model says of the responses that are tested on; nil where it is not shared.
  func testReference(_ dataset: ResponseDataset, _ terminal: Terminal) throws -> ReferenceCache? {
    readsShared ? try precomputed(dataset, "test", RunFolder(settings.output), terminal) : nil
  }
}
