"""Data where it lies: datastores (a place and what opens it), datasets (a reference to data), and the key vault.

`keyvault.Keyvault` holds secrets; `datastore.Datastore` opens and registers datastores; `data_path.DataPath` and
`data_reference.DataReference` name places in them.
"""
