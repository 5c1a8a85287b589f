"""Each request of `tocsin lsp` by a client that others wrote: pytest-lsp reads every answer by the types of the protocol, as two
editors announce themselves. What the answers hold is looked at in tests/e2e/lsp.py.
"""
import asyncio
import os
import pathlib
import shutil

import pytest
import pytest_lsp
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMIT_S = 30
WHOLE = types.Range(types.Position(0, 0), types.Position(10_000, 0))


@pytest_lsp.fixture(params=["visual_studio_code", "neovim"],
                    config=ClientServerConfig(server_command=[os.environ["TOCSIN_BINARY"], "lsp"]))
async def client(request, lsp_client: LanguageClient, tmp_path):
    shutil.copytree(ROOT / "samples/rules", tmp_path / "rules")
    lsp_client.lenses_refreshed = 0

    @lsp_client.feature(types.WORKSPACE_CODE_LENS_REFRESH)
    def refresh(*_):
        lsp_client.lenses_refreshed += 1

    lsp_client.takes_refresh = request.param == "visual_studio_code"
    folder = types.WorkspaceFolder(uri=tmp_path.as_uri(), name="root")
    result = await lsp_client.initialize_session(types.InitializeParams(
        capabilities=client_capabilities(request.param), workspace_folders=[folder], root_uri=tmp_path.as_uri()))
    lsp_client.told = result.capabilities
    path = tmp_path / "rules/cards.tocsin"
    lsp_client.text, lsp_client.uri = path.read_text(encoding="utf-8"), path.as_uri()
    lsp_client.text_document_did_open(types.DidOpenTextDocumentParams(
        types.TextDocumentItem(uri=lsp_client.uri, language_id="tocsin", version=1, text=lsp_client.text)))
    yield
    await lsp_client.shutdown_session()


def place(client, needle, offset=0):
    index = client.text.index(needle) + offset
    return types.Position(client.text.count("\n", 0, index), index - client.text.rfind("\n", 0, index) - 1)


def at(client, kind, needle, offset=0, **more):
    return kind(text_document=types.TextDocumentIdentifier(client.uri), position=place(client, needle, offset), **more)


def of(client, kind, **more):
    return kind(text_document=types.TextDocumentIdentifier(client.uri), **more)


async def published(client):
    """Waits for diagnostics."""
    await asyncio.wait_for(client.wait_for_notification("textDocument/publishDiagnostics"), LIMIT_S)


async def broken(client, version=2):
    """A mistake in the text: what is reported of it."""
    begin = place(client, "small_declines >= 4")
    change = types.TextDocumentContentChangePartial(range=types.Range(begin, types.Position(begin.line, begin.character + 5)), text="smoll")
    client.text_document_did_change(types.DidChangeTextDocumentParams(
        text_document=types.VersionedTextDocumentIdentifier(uri=client.uri, version=version), content_changes=[change]))
    while not any(each.severity == types.DiagnosticSeverity.Error for each in client.diagnostics.get(client.uri, [])):
        await published(client)
    (mistake,) = client.diagnostics[client.uri]
    return mistake


async def test_what_it_can(client):
    told = client.told
    assert told.diagnostic_provider is None  # both clients take what is sent
    assert told.text_document_sync.change == types.TextDocumentSyncKind.Incremental
    assert list(told.execute_command_provider.commands) == ["tocsin.runTests", "tocsin.explain"]
    assert told.rename_provider.prepare_provider and told.semantic_tokens_provider.full.delta
    assert told.workspace.workspace_folders.supported


async def test_diagnostics_and_corrections(client):
    mistake = await broken(client)
    assert mistake.code == "E0201" and mistake.source == "tocsin"
    report = await client.text_document_diagnostic_async(of(client, types.DocumentDiagnosticParams))
    assert report.kind == "full" and list(report.items) == [mistake]
    actions = await client.text_document_code_action_async(of(
        client, types.CodeActionParams, range=mistake.range, context=types.CodeActionContext(diagnostics=[mistake])))
    fix = next(action for action in actions if action.is_preferred)
    assert fix.kind == types.CodeActionKind.QuickFix and list(fix.diagnostics) == [mistake]
    assert [edit.new_text for edit in fix.edit.changes[client.uri]] == ["small_declines"]


async def test_names(client):
    hover = await client.text_document_hover_async(at(client, types.HoverParams, "card_testing_on_device"))
    assert hover.contents.kind == types.MarkupKind.Markdown and "What has to happen" in hover.contents.value
    for ask, kind in ((client.text_document_definition_async, types.DefinitionParams),
                      (client.text_document_declaration_async, types.DeclarationParams)):
        (found,) = await ask(at(client, kind, "status = declined"))
        assert found.uri.endswith("/rules/schema.tocsin")
    references = await client.text_document_references_async(
        at(client, types.ReferenceParams, "small_declines", context=types.ReferenceContext(include_declaration=True)))
    marks = await client.text_document_document_highlight_async(at(client, types.DocumentHighlightParams, "small_declines"))
    assert [each.range for each in references] == [each.range for each in marks] and len(marks) == 3
    prepared = await client.text_document_prepare_rename_async(at(client, types.PrepareRenameParams, "small_declines"))
    assert prepared.placeholder == "small_declines"
    edit = await client.text_document_rename_async(at(client, types.RenameParams, "small_declines", new_name="tried"))
    assert len(edit.changes[client.uri]) == 3
    with pytest.raises(Exception, match="cards_tried"):
        await client.text_document_rename_async(at(client, types.RenameParams, "small_declines", new_name="cards_tried"))


async def test_while_one_writes(client):
    listed = await client.text_document_completion_async(at(client, types.CompletionParams, "small_declines >= 4", 5))
    item = next(each for each in listed.items if each.label == "small_declines")
    assert item.text_edit.new_text == "small_declines" and item.kind == types.CompletionItemKind.Property
    assert await client.text_document_signature_help_async(at(client, types.SignatureHelpParams, "small_declines")) is None
    found = await client.text_document_signature_help_async(at(client, types.SignatureHelpParams, "count(", len("count(")))
    (form,) = found.signatures
    assert form.label == "count(KINDS)" and form.documentation and found.active_signature == found.active_parameter == 0
    # Both clients take places in the label.
    assert [form.label[slice(*each.label)] for each in form.parameters] == ["KINDS"]
    assert list(client.told.signature_help_provider.trigger_characters) == ["(", ","]
    options = types.FormattingOptions(tab_size=2, insert_spaces=True)
    assert not await client.text_document_formatting_async(of(client, types.DocumentFormattingParams, options=options))
    typed = at(client, types.DocumentOnTypeFormattingParams, "small_declines", ch="}", options=options)
    assert not await client.text_document_on_type_formatting_async(typed)


async def test_what_is_shown(client):
    symbols = await client.text_document_document_symbol_async(of(client, types.DocumentSymbolParams))
    assert any(each.name == "card_testing_on_device" and each.kind == types.SymbolKind.Class for each in symbols)
    found = await client.workspace_symbol_async(types.WorkspaceSymbolParams(query="small_decl"))
    assert {each.name for each in found} == {"small_decline", "small_declines"}
    folds = await client.text_document_folding_range_async(of(client, types.FoldingRangeParams))
    assert folds and all(each.start_line < each.end_line for each in folds)
    (selection,) = await client.text_document_selection_range_async(of(client, types.SelectionRangeParams, positions=[place(client, "small_declines")]))
    assert selection.parent.parent is not None
    hints = await client.text_document_inlay_hint_async(of(client, types.InlayHintParams, range=WHOLE))
    assert any(each.label == ": string" for each in hints)
    first = await client.text_document_semantic_tokens_full_async(of(client, types.SemanticTokensParams))
    assert len(first.data) % 5 == 0 and first.data
    delta = await client.text_document_semantic_tokens_full_delta_async(
        of(client, types.SemanticTokensDeltaParams, previous_result_id=first.result_id))
    assert not delta.edits


async def test_commands(client):
    lenses = await client.text_document_code_lens_async(of(client, types.CodeLensParams))
    commands = {each.command.title: each.command for each in lenses}
    for title in ("run test", "explain"):
        command = commands[title]
        answer = await client.workspace_execute_command_async(types.ExecuteCommandParams(command=command.command, arguments=command.arguments))
        assert (answer["failed"] == 0 and answer["passed"] == 1) if title == "run test" else "What has to happen" in answer["text"]
    for method in ("tocsin/explain", "tocsin/automaton"):
        assert (await client.protocol.send_request_async(method, {"uri": client.uri, "rule": "FR-001"})).rule == "FR-001"
    assert (await client.protocol.send_request_async("tocsin/runTests", {"uri": client.uri})).failed == 0
    assert client.lenses_refreshed == (2 if client.takes_refresh else 0)
    lenses = await client.text_document_code_lens_async(of(client, types.CodeLensParams))
    assert any(each.command.title == "2 of 2 tests pass" for each in lenses)


async def test_changes_outside(client):
    path = pathlib.Path(client.uri.removeprefix("file://")).parent / "schema.tocsin"
    schema = path.read_text(encoding="utf-8")
    for text, is_wrong in ((schema.replace("event auth {", "event auth_ {"), True), (schema, False)):
        path.write_text(text, encoding="utf-8")
        client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams(
            changes=[types.FileEvent(uri=path.as_uri(), type=types.FileChangeType.Changed)]))
        while bool(client.diagnostics.get(client.uri)) != is_wrong:
            await published(client)
    await broken(client)
    client.text_document_did_save(of(client, types.DidSaveTextDocumentParams))
    client.text_document_did_close(of(client, types.DidCloseTextDocumentParams))
    while client.diagnostics[client.uri]:  # what is on disk has no mistake
        await published(client)
