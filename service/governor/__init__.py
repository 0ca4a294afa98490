"""Permission to call Salesforce: each HTTP attempt takes one permit, priced by what it costs."""
