// SPDX-License-Identifier: Apache-2.0
//
// What the original's published description says of the operations that are in scope, as facts: who
// may, what goes in, what comes out; and of the fields of the documents. The test
// 71-openapi-facts walks over all of it.
//
// An operation:  METHOD PATH KEYS BODY STATUS REPLY OTHER-STATUSES
//     KEYS: O operator, T trusted application, A application, U application user, D device.
// A field:       NAME[!][~] TYPE        ! is required in a body, ~ only the server writes it.

export const operations = `
GET /accessTokens O - 200 [AccessToken] -
POST /accessTokens O AccessToken 201 AccessToken -
GET /me O - 200 Me -
GET /access OTAUD - 200 KeyAccess -
GET /actions/:actionType/:actionId OTU - 200 Action -
DELETE /actions/:actionType/:actionId O - 200 - -
POST /actions/:actionType OTU Action 201 Action -
GET /actions/:actionType OTU - 200 [Action] -
PUT /actions/:actionType O ActionType 200 ActionType -
DELETE /actions/:actionType OT - 200 - -
POST /actions OT ActionType 201 ActionType -
GET /actions OTU - 200 [ActionType] -
GET /applications/me TA - 200 Application -
PUT /applications/me T Application 200 Application -
GET /auth/evrythng/thngs/:thngId OTU - 200 AuthThng -
DELETE /auth/evrythng/thngs/:thngId OTU - 200 - -
POST /auth/evrythng/thngs OTU AuthThng 201 AuthThng -
GET /batches/:batchId/tasks/:taskId/logs O - 200 [TaskLog] -
GET /batches/:batchId/tasks/:taskId O - 200 BasicTask -
POST /batches/:batchId/tasks O FixedAmountTask 202 - -
GET /batches/:batchId/tasks O - 200 [BasicTask] -
GET /batches/:batchId O - 200 Batch -
PUT /batches/:batchId O Batch 200 Batch -
DELETE /batches/:batchId O - 200 - -
POST /batches O Batch 201 Batch -
GET /batches O - 200 [Batch] -
GET /collections/:collectionId/actions/:actionType/:actionId OTU - 200 Action -
POST /collections/:collectionId/actions/:actionType OTU Action 201 Action -
GET /collections/:collectionId/actions/:actionType OTU - 200 [Action] -
DELETE /collections/:collectionId/collections/:childCollectionId OT - 200 - -
POST /collections/:collectionId/collections OTU [string] 200 - -
GET /collections/:collectionId/collections OTU - 200 [Collection] -
DELETE /collections/:collectionId/collections OT - 200 - -
DELETE /collections/:collectionId/thngs/:thngId OTU - 200 - -
PUT /collections/:collectionId/thngs OTU [string] 200 Collection -
GET /collections/:collectionId/thngs OTU - 200 [Thng] -
DELETE /collections/:collectionId/thngs OT - 200 - -
GET /collections/:collectionId OTU - 200 Collection -
PUT /collections/:collectionId OTU Collection 200 Collection -
DELETE /collections/:collectionId OT - 200 - -
POST /collections OTU Collection 201 Collection -
GET /collections OTU - 200 [Collection] -
GET /files/:fileId O - 200 File -
DELETE /files/:fileId O - 200 - -
POST /files O File 201 File -
GET /files O - 200 [File] -
GET /places/:placeId OTAU - 200 Place -
PUT /places/:placeId OT Place 200 Place -
DELETE /places/:placeId OT - 200 - -
POST /places OT Place 201 Place -
GET /places OTAU - 200 [Place] -
GET /products/:productId/actions/:actionType/:actionId OTU - 200 Action -
POST /products/:productId/actions/:actionType OTU Action 201 Action -
GET /products/:productId/actions/:actionType OTU - 200 [Action] -
GET /products/:productId/properties/:propertyKey OTAU - 200 [Property] -
PUT /products/:productId/properties/:propertyKey OTU [Property] 200 [Property] -
DELETE /products/:productId/properties/:propertyKey OTU - 200 - -
POST /products/:productId/properties OTU [Property] 200 [Property] -
GET /products/:productId/properties OTAU - 200 [Property] -
GET /products/:productId OTAU - 200 Product -
PUT /products/:productId OTU Product 200 Product -
DELETE /products/:productId OT - 200 - -
POST /products OTU Product 201 Product -
GET /products OTAU - 200 [Product] -
GET /projects/:projectId/applications/:applicationId/secretKey O - 200 SecretKey -
GET /projects/:projectId/applications/:applicationId O - 200 Application -
PUT /projects/:projectId/applications/:applicationId O Application 200 Application -
DELETE /projects/:projectId/applications/:applicationId O - 200 - -
POST /projects/:projectId/applications O Application 201 Application -
GET /projects/:projectId/applications O - 200 [Application] -
GET /projects/:projectId O - 200 Project -
PUT /projects/:projectId O Project 200 Project -
DELETE /projects/:projectId O - 200 - -
POST /projects O Project 201 Project -
GET /projects O - 200 [Project] -
GET /rateLimits OTAUD - 200 [RateLimits] -
POST /thngs/:thngIdentifier/actions/commissions O Commission 200 Action 400,404,409
POST /thngs/:thngIdentifier/actions/decommissions O Decommission 200 Action 400,404,409
GET /thngs/:thngIdentifier/commissionState O - 200 State 400,409
GET /thngs/:thngId/actions/:actionType/:actionId OTUD - 200 Action -
POST /thngs/:thngId/actions/:actionType OTUD Action 201 Action -
GET /thngs/:thngId/actions/:actionType OTUD - 200 [Action] -
GET /thngs/:thngId/location OTUD - 200 [Location] -
PUT /thngs/:thngId/location OTUD [Location] 200 [Location] -
DELETE /thngs/:thngId/location OT - 200 - -
PUT /thngs/:thngId/properties/:propertyKey OTUD [Property] 200 [Property] -
GET /thngs/:thngId/properties/:propertyKey OTUD - 200 [Property] -
DELETE /thngs/:thngId/properties/:propertyKey OT - 200 - -
POST /thngs/:thngId/properties OTUD [Property] 200 [Property] -
GET /thngs/:thngId/properties OTUD - 200 [Property] -
GET /thngs/:thngId OTUD - 200 Thng -
PUT /thngs/:thngId OTUD Thng 200 Thng -
DELETE /thngs/:thngId OT - 200 - -
POST /thngs OTU Thng 201 Thng -
GET /thngs OTU - 200 [Thng] -
`;

export const documents = {
    AccessToken: `
        name! string
        description string<=256
        policies! array
        policies[] id
        conditions! array
        conditions[] string
        tags array
        tags[] string<=256
        identifiers object
        customFields object`,
    Me: `
        name! string
        email! string
        description string<=256
        operator id
        policies! array
        policies[] object
        policies[].name! string<=128
        policies[].permissions array
        policies[].permissions[] string<=256
        policies[].uiPermissions array
        policies[].uiPermissions[] string
        policies[].homepage string<=128
        policies[].customFields object
        policies[].identifiers object
        policies[].tags array
        policies[].tags[] string<=256
        conditions! array
        conditions[] string
        tags array
        tags[] string<=256
        identifiers object
        customFields object`,
    Action: `
        type! string
        id~ id
        user~ id
        createdAt~ integer
        createdByProject~ id
        createdByApp~ id
        thng id
        product id
        collection id
        timestamp~ integer
        identifiers object
        location object
        location.position object
        location.position.type! Point
        location.position.coordinates! array
        location.position.coordinates[] number[-180..180]
        location.createdAt~ integer
        location.timestamp~ integer
        location.longitude number
        location.latitude number
        location.place id
        locationSource sensor|geoIp|unknown|place
        context object
        context.ipAddress~ string
        context.city~ string
        context.region~ string
        context.countryCode~ string
        context.userAgentName~ string
        context.userAgent~ string
        context.operatingSystemName~ string
        context.timeZone~ string
        customFields object
        scopes object
        scopes.users! array
        scopes.users[] string
        scopes.projects! array
        scopes.projects[] string
        tags array
        tags[] string<=256
        reactions array
        reactions[] object
        reactions[].type~ redirection
        reactions[].redirectUrl~ string
        reactions[].redirectionContext~ object
        url string`,
    ActionType: `
        name! string
        id~ id
        createdAt~ integer
        updatedAt~ integer
        description string
        tags array
        tags[] string<=256
        customFields object
        scopes object
        scopes.users! array
        scopes.users[] string
        scopes.projects! array
        scopes.projects[] string`,
    Application: `
        name! string
        socialNetworks! object
        id~ id
        createdAt~ integer
        updatedAt~ integer
        tags array
        tags[] string<=256
        customFields object
        description string
        project~ id
        defaultUrl string
        appApiKey~ key
        defaultRole string<=24
        scopes object
        scopes.users! array
        scopes.users[] string
        scopes.projects! array
        scopes.projects[] string`,
    AuthThng: `
        thngId id
        thngApiKey~ key`,
    BasicTask: `
        id~ id
        type! POPULATING|SHORT_ID_GENERATION
        batch~ id
        createdAt~ integer
        updatedAt~ integer
        status~ PENDING|EXECUTING|EXECUTED|CANCELLING|FAILED|EXECUTED_WITH_FAILURES
        tags array
        tags[] string<=256
        customFields object
        completedAt~ integer
        scopes object
        scopes.users! array
        scopes.users[] string
        scopes.projects! array
        scopes.projects[] string
        result object
        result.totalCount~ integer
        result.totalThngsCreated~ integer
        result.totalUrlBindingsCreated~ integer
        result.location~ string
        result.format CSV|ZIP
        result.headers~ object
        result.error~ string
        result.failedOperationsAmount~ integer
        result.type~ SHORT_ID_GENERATION|POPULATING|ERROR
        outputParameters object
        outputParameters.type! CSV
        outputParameters.columns array
        outputParameters.columns[] SHORT_ID|THNG
        progress object
        progress.contributions~ object
        progress.totalAmount~ integer
        inputParameters! object`,
    Batch: `
        id~ id
        createdAt~ integer
        updatedAt~ integer
        name! string
        description string
        status~ EMPTY|IN_PROGRESS|COMPLETE|SEALED
        resourceCountsByProduct~ object
        identifiers object
        tags array
        tags[] string<=256
        customFields object
        scopes object
        scopes.users! array
        scopes.users[] string
        scopes.projects! array
        scopes.projects[] string`,
    Collection: `
        name! string
        id~ id
        createdAt~ integer
        updatedAt~ integer
        description string
        type string<=256
        customFields object
        tags array
        tags[] string<=256
        identifiers object
        collections~ array
        collections[] id
        scopes object
        scopes.users! array
        scopes.users[] string
        scopes.projects! array
        scopes.projects[] string`,
    Commission: `
        product! string
        location! object
        location.position object
        location.position.type! Point
        location.position.coordinates! array
        location.position.coordinates[] number[-180..180]
        location.createdAt~ integer
        location.timestamp~ integer
        location.longitude number
        location.latitude number
        location.place id
        purchaseOrder string
        occurredAt! string
        factoryMetadata object
        factoryMetadata.factory! string
        factoryMetadata.supplier string
        factoryMetadata.zone string`,
    Decommission: `
        location! object
        location.position object
        location.position.type! Point
        location.position.coordinates! array
        location.position.coordinates[] number[-180..180]
        location.createdAt~ integer
        location.timestamp~ integer
        location.longitude number
        location.latitude number
        location.place id
        occurredAt! string
        factoryMetadata object
        factoryMetadata.factory! string
        factoryMetadata.supplier string
        factoryMetadata.zone string`,
    File: `
        id~ id
        createdAt~ integer
        updatedAt~ integer
        tags array
        tags[] string<=256
        customFields object
        uploadUrl~ string
        contentUrl~ string
        name! string
        type! string
        privateAccess! boolean
        size~ integer
        scopes object
        scopes.users! array
        scopes.users[] string
        scopes.projects! array
        scopes.projects[] string`,
    FixedAmountTask: `
        id~ id
        type! POPULATING
        batch~ id
        createdAt~ integer
        updatedAt~ integer
        completedAt~ integer
        status~ PENDING|EXECUTING|EXECUTED|CANCELLING|FAILED|EXECUTED_WITH_FAILURES
        tags array
        tags[] string<=256
        customFields object
        scopes object
        scopes.users! array
        scopes.users[] string
        scopes.projects! array
        scopes.projects[] string
        result object
        result.totalCount~ integer
        result.totalThngsCreated~ integer
        result.totalUrlBindingsCreated~ integer
        result.location~ string
        result.format CSV|ZIP
        result.headers~ object
        result.error~ string
        result.failedOperationsAmount~ integer
        result.type~ SHORT_ID_GENERATION|POPULATING|ERROR
        outputParameters object
        outputParameters.type! CSV
        outputParameters.columns array
        outputParameters.columns[] SHORT_ID|THNG
        progress object
        progress.contributions~ object
        progress.totalAmount~ integer
        inputParameters! object`,
    KeyAccess: `
        account~ id
        actor object
        actor.id~ id
        actor.type~ operator|userInApp|app|device`,
    Location: `
        position object
        position.type! Point
        position.coordinates! array
        position.coordinates[] number[-180..180]
        createdAt~ integer
        timestamp~ integer
        longitude number
        latitude number
        place id
        scopes object
        scopes.users! array
        scopes.users[] string
        scopes.projects! array
        scopes.projects[] string`,
    Place: `
        name string
        id~ id
        description string
        type string<=256
        customFields object
        tags array
        tags[] string<=256
        identifiers object
        createdAt~ integer
        updatedAt~ integer
        position object
        position.type! Point
        position.coordinates! array
        position.coordinates[] number[-180..180]
        icon string
        address object
        address.extension string
        address.street string
        address.postalCode string
        address.city string
        address.county string
        address.state string
        address.country string
        address.countryCode string
        address.district string
        address.buildingName string
        address.buildingFloor string
        address.buildingRoom string
        address.buildingZone string
        address.crossing1 string
        address.crossing2 string
        longitude number
        latitude number
        scopes object
        scopes.users! array
        scopes.users[] string
        scopes.projects! array
        scopes.projects[] string`,
    Product: `
        name! string
        id~ id
        createdAt~ integer
        updatedAt~ integer
        activatedAt~ integer
        description string
        type string<=256
        categories array
        categories[] string
        photos array
        photos[] string
        url string
        identifiers object
        properties object
        tags array
        tags[] string<=256
        customFields object
        fn~ string
        brand string
        scopes object
        scopes.users! array
        scopes.users[] string
        scopes.projects! array
        scopes.projects[] string`,
    Project: `
        name! string
        id~ id
        createdAt~ integer
        updatedAt~ integer
        tags array
        tags[] string<=256
        description string
        startsAt integer
        endsAt integer
        imageUrl string
        customFields object
        identifiers object
        shortDomains array
        shortDomains[] string
        scopes object
        scopes.users! array
        scopes.users[] string
        scopes.projects! array
        scopes.projects[] string`,
    Property: `
        key! string
        value! any
        timestamp~ integer
        createdAt~ integer`,
    RateLimits: `
        name string
        rateLimits array
        rateLimits[] object
        rateLimits[].url object
        rateLimits[].url.path string
        rateLimits[].url.depth number
        rateLimits[].access string
        rateLimits[].limit object
        rateLimits[].limit.rate string
        rateLimits[].limit.timeFrame number
        rateLimits[].limit.warningMaxHits number
        rateLimits[].limit.blockingMaxHits number
        rateLimits[].hits number
        rateLimits[].hitsRemaining number
        rateLimits[].reset number`,
    SecretKey: `
        secretApiKey string`,
    State: `
        state~ commissioned|decommissioned|not_commissioned
        occurredAt string`,
    TaskLog: `
        jobId~ id
        payload object
        payload.shortId string
        payload.thng id
        payload.thngIdentifier object
        payload.urlBinding string
        type~ ERROR
        message~ string`,
    Thng: `
        name! string
        id~ id
        createdAt~ integer
        updatedAt~ integer
        activatedAt~ integer
        type string<=256
        tags array
        tags[] string<=256
        description string
        customFields object
        identifiers object
        product id
        location object
        location.position object
        location.position.type! Point
        location.position.coordinates! array
        location.position.coordinates[] number[-180..180]
        location.createdAt~ integer
        location.timestamp~ integer
        location.longitude number
        location.latitude number
        location.place id
        properties~ object
        collections array
        collections[] id
        createdByTask~ id
        batch~ id
        scopes object
        scopes.users! array
        scopes.users[] string
        scopes.projects! array
        scopes.projects[] string`,
};
