// SPDX-License-Identifier: Apache-2.0
import Files
import Objectives
import TokenModels
import Torch
import TorchNN

extension RunSettings {
  /// A model's output embeddings `[V, H]` as its files have them: no other weights are read.
  ///
  /// - Parameter skeleton: the model without its weights.
  /// - Throws: `InputError` for a model that begins with random weights, or whose last projection is no stored tensor.
  func outputEmbeddings(of skeleton: any PretrainedModel, folder: String) throws -> CodeBook {
    guard !train.fromScratch else {
      throw InputError(
        path: path, place: "key objective.preset", expected: "a model that was trained, as emo reads its embeddings",
        found: "train.fromScratch: true", remedy: "Train it with preset sft first.")
    }
    let weights = try skeleton.adapting(CheckpointWeights(folder: folder)), head = skeleton.head.weight
    // A head that shares the embedding's tensor has the names of both, of which files often hold one.
    let names = skeleton.parameters().filter { $0.tensor === head }.map(\.key)
    guard let name = names.first(where: { weights.entry($0) != nil }) else {
      throw InputError(
        path: folder, expected: "the weights of the last projection, whose rows emo compares",
        found: names.isEmpty ? "a projection that is no stored tensor" : "no \(names.joined(separator: ", "))",
        remedy: "Choose another objective.preset for this model.")
    }
    return try withTorchErrors { try CodeBook(weights.tensor(name).to(.float32)) }
  }
}
